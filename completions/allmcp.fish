# fish completions of allmcp. The program itself says what fits, so this file never goes stale.
ALLMCP_COMPLETE=fish allmcp 2>/dev/null | source
