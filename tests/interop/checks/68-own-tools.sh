# Our own tools by the Python SDK's client, which holds every answer against the output schema of its tool.
everything
connected real
for mode in auto legacy; do
  LIMIT=120 clean PYTHONDONTWRITEBYTECODE=1 "$PY" "$HERE/python/own.py" "$mode" real__echo -- "$ALLMCP" serve --mode smart 2>"$ERR" ||
    failed "the Python client's script (own.py $mode)" "$ERR"
done
