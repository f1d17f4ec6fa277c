# Shared by the tests of `vgpu-replay bench`; sourced by each of them, not run.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../system/support.sh"

# One thread: those of a rasteriser wait for each other, and share two processors with all else.
export LP_NUM_THREADS=0 LIBGL_ALWAYS_SOFTWARE=1

# verdict OPTION...: what bench says of $1; its document goes to $work/result. Ends the test where
# that is no measurement, or where its exit status is not its verdict's.
verdict() {
  local status=0 said
  vgpu-replay bench --json - "$@" >"$work/result" 2>"$work/error" || status=$?
  [ "$status" -ne 77 ] || skip "$(cat "$work/error")"
  [ "$status" -le 1 ] || fail "bench $* ended with exit status $status: $(cat "$work/error")"
  said=$(python3 - "$work/result" 2>"$work/interval" <<'PYTHON'
import json, sys
comparison = json.load(open(sys.argv[1]))["traces"][0]["comparison"]
print(comparison["verdict"])
print("bench: %s, %+.2f %%, %+.2f to %+.2f" % (comparison["verdict"], *(100 * comparison[key] for key in ("estimate", "low", "high"))), file=sys.stderr)
PYTHON
  )
  cat "$work/interval" >&2
  [ "$status" -eq "$([ "$said" = slower ] && echo 1 || echo 0)" ] || fail "'$said' has exit status $status"
  echo "$said"
}
