-- durability=normal: survives a crash of the process, may lose the last commits with the power.
PRAGMA synchronous = NORMAL;
