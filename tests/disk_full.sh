#!/bin/sh
# disk_full.sh MTLC FOLDER: a run whose model does not fit where it is written ends with a reason, and leaves no part of it. So does each
# command whose answer cannot be written.
# A limit on the size of files stands in for a full disk: it is met in the middle of the model file too.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
{ echo "a,b,y"; for i in 1 2 3 4 5 6 7 8; do echo "$i,$((9 - i)),$((i * i))"; done; } > rows.csv
cat > m.mtl <<'END'
data rows {
  format = csv
  train  = "rows.csv"
  x : f32[2] = columns("a", "b")
  y : f32    = column("y")
}
model m {
  task y predicts rows.y { head = rows.x |> mlp([300, 300]) |> linear(1) }
  train { epochs = 2 }
}
END
(ulimit -f 64 && exec "$mtlc" run m.mtl --run-dir run --threads 1 --no-cache) > said 2>&1
code=$?
cat said
[ $code = 1 ] || { echo "ended with $code, not with 1"; exit 1; }
grep -q 'error\[E0701\]: cannot write `run/model.safetensors`' said || { echo "does not say why"; exit 1; }
left=$(ls run | grep -v -e '^metrics.jsonl$' -e '^train.log$')
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }

[ -c /dev/full ] || exit 0
"$mtlc" run m.mtl --run-dir run --threads 1 --no-cache > said 2>&1 || { cat said; exit 1; }
model=run/model.safetensors
for command in --version --help "predict --help" "check m.mtl --json --set none=1" "emit graph m.mtl" "eval $model --split train" "explain E0312" \
    "predict $model rows.csv --format source"; do
  "$mtlc" $command > /dev/full 2> said
  code=$?
  [ $code = 1 ] || { cat said; echo "$command > /dev/full: ends with $code, not with 1"; exit 1; }
  grep -q 'error: cannot write to standard output: No space left on device' said || { cat said; echo "$command: does not say why"; exit 1; }
done

# A process that is killed leaves no part of its answers.
mkfifo lines
"$mtlc" predict $model --format source --out answers --threads 1 < lines > said 2>&1 &
pid=$!
exec 3> lines
cat rows.csv >&3
sleep 1
kill -KILL $pid
wait $pid 2> /dev/null
exec 3>&-
left=$(ls | grep answers)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
exit 0
