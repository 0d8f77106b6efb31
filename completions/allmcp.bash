# bash completions of allmcp. The program itself says what fits, so this file never goes stale.
eval "$(ALLMCP_COMPLETE=bash allmcp 2>/dev/null)"
