# One sign-in under many processes, against an authorization server that ends the session of a refresh token that comes twice.
# A few copies in a minute; with --full thirty runs of each number of copies.
copies=5 runs=5
[[ -n ${FULL:-} ]] && copies=2,5,20 runs=30
mkdir "$T/races"
# Prints its own ok and FAILED lines, and its table.
LIMIT=$CHECK_LIMIT clean ALLMCP="$ALLMCP" FAKETIME="$FAKETIME" RUNS="${RACE_RUNS:-$runs}" COPIES="${RACE_COPIES:-$copies}" ROWS="${RACE_ROWS:-}" \
  "$NODE" "$HERE/oauth/races.mjs" "$T/races" 2>"$ERR" || failed "the races" "$ERR"
