"""Writers of the providers' own formats; none of them knows the company."""
