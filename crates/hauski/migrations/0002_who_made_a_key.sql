-- Who made a key, as the audit log names them; a plugin ends only what it has made itself.
ALTER TABLE keys ADD COLUMN maker TEXT;
