-- Version 4: the texts of calls, where somebody asked for them to be kept (TOUCHSTONE_CAPTURE).
PRAGMA user_version = 4;

-- Apart from the calls, so that their rows stay narrow; deleted with the call.
CREATE TABLE call_text(
  call_id INTEGER PRIMARY KEY REFERENCES call ON DELETE CASCADE,
  prompt TEXT, -- the newest message of the user
  answer TEXT, -- what was shown of it, also where it broke off
  cut INTEGER NOT NULL DEFAULT 0 CHECK(cut IN (0, 1)) -- one of them was longer than is kept
) STRICT;
