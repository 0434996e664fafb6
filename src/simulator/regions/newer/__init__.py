"""What the newer payroll API (2.0) does alike in every region: small letters, ISO dates, explicit nulls."""
