# The official conformance suite for MCP clients, with allmcp as the client: both eras in front, both behind. No failure is expected.
mkdir "$T/conformance"
# Prints its own ok and FAILED lines.
LIMIT=390 clean ALLMCP="$ALLMCP" CONFORMANCE="$CONFORMANCE" LEGS="${CONFORMANCE_LEGS:-}" "$NODE" "$HERE/conformance/suite.mjs" "$T/conformance" 2>"$ERR" ||
  failed "the suite's driver (suite.mjs)" "$ERR"
