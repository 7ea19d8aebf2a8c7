"""The ground floor: settings, warehouse, marts; knows no cloud and no page."""
