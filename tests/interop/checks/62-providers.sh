# The manifests of the catalog against what others say of the same APIs: YouGile's own OpenAPI document (in PyPI yougile-mcp) and
# Bitrix24's own SDK (PyPI b24pysdk). `listed` lines are parts that are left out or differ on purpose, with the reason.
MANIFESTS="$HERE/../../src/catalog/manifests"

# oracle NAME: every line of the script is a result; an end in the middle is one too.
oracle() {
  local code=0
  clean "$PY" "$HERE/providers/$1.py" "$MANIFESTS/$1.toml" >"$T/$1.out" 2>"$ERR" || code=$?
  cat "$T/$1.out"
  ((code == 0)) || failed "$1: the script ended with $code" "$ERR"
  holds "$1: there were results" grep -q "^ok " "$T/$1.out"
}

oracle yougile
oracle bitrix24
