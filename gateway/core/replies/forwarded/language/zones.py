"""Time zones by their usual abbreviations."""

#: Hours ahead of UTC.
ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "IST": 1, "CET": 1, "MEZ": 1,
    "SEČ": 1, "CEST": 2, "MESZ": 2, "SELČ": 2, "EET": 2, "SAST": 2, "EEST": 3, "MSK": 3, "TRT": 3,
    "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "BRT": -3, "EDT": -4, "EST": -5, "CDT": -5,
    "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
}  # fmt: skip
