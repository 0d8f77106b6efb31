# The manual pages: read without a warning by groff, by man and by mandoc.
pages=("$HERE"/../../man/*)
holds "there are pages" test "${#pages[@]}" -gt 20
for page in "${pages[@]}"; do
  name=${page##*/}
  clean groff -Kutf8 -ww -man -Tutf8 -z "$page" >"$T/said" 2>&1 || echo "groff failed" >>"$T/said"
  clean man --warnings=w -l "$page" 2>>"$T/said" >"$T/$name.txt" || echo "man failed" >>"$T/said"
  # That a page has no date is meant: the same source gives the same bytes.
  clean mandoc -Tlint -Wwarning "$page" | grep -v 'missing date' >>"$T/said" || true
  if [[ -s $T/said || ! -s $T/$name.txt ]]; then failed "$name" "$T/said"; else ok "$name"; fi
done
