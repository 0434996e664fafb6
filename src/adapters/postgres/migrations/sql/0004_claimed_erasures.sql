-- Until when a dispatcher has sent word that its payroll is to be erased, so that nobody sends it again meanwhile.

ALTER TABLE allie_xero.connection ADD COLUMN work_claimed_until TIMESTAMP WITH TIME ZONE;
