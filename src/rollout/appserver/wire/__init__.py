"""How each level of the protocol spells threads, turns and items; pure."""
