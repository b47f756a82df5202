"""Parsing bounces, complaints and delivery reports."""
