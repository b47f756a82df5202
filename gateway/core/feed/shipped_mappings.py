"""Mappings for exports with published columns: `use = "civicrm"` in `[crm.map.people]`."""

from collections.abc import Mapping

#: By name and kind, as the config would have them. Each names the source of its columns.
SHIPPED_MAPPINGS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    # CiviCRM 6, an export of contacts with its primary fields: the titles in
    # schema/Contact/Contact.entityType.php and schema/Core/Email.entityType.php of civicrm-core
    # (0ef2022), written by CRM/Export/BAO/ExportProcessor.php, in English. Deceased contacts get
    # the status `deceased`, for which the statuses need one with a tag.
    "civicrm": {
        "people": {
            "crm_id": "Contact ID",
            "first_name": "First Name",
            "last_name": "Last Name",
            "emails": "Email",
            "birthday": "Birth Date",
            "status": {
                "column": "Deceased",
                "values": {
                    **dict.fromkeys(("1", "Yes", "Ja", "Oui"), "deceased"),
                    **dict.fromkeys(("0", "No", "Nee", "Nein", "Non"), ""),
                },
            },
            "ignore": ["*"],
        },
    },
    # EspoCRM 10.0.0 (2cde9d9), contacts or leads as CSV: the names of attributes, as
    # application/Espo/Tools/Export/Format/Csv/Processor.php writes them; fields in
    # Modules/Crm/Resources/metadata/entityDefs/Contact.json.
    "espocrm": {
        "people": {
            "crm_id": "id",
            "first_name": "firstName",
            "last_name": "lastName",
            "emails": "emailAddress",
            "owner": "assignedUserId",
            "ignore": ["*"],
        },
    },
    # Odoo 19, contacts (res.partner) exported to be imported again, CSV or .xlsx: the names of
    # fields, as addons/web/controllers/export.py (019afca) writes them.
    "odoo": {
        "people": {
            "crm_id": "id",
            "last_name": "name",
            "emails": "email",
            "owner": "user_id/id",
            "ignore": ["*"],
        },
    },
}
