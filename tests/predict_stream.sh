#!/bin/sh
# predict_stream.sh MTLC FOLDER: `predict` answers a pipe line by line as it comes, and reads files of any size.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
{ echo "x,note,y"; for i in 1 2 3 4; do echo "$i,n,$i"; done; } > rows.csv
cat > m.mtl <<'END'
data rows {
  format = csv
  train  = "rows.csv"
  x : f32[1] = columns("x")
  y : f32 = column("y")
}
model m {
  task y predicts rows.y { head = rows.x |> linear(1) }
  train { epochs = 1 }
}
END
"$mtlc" train m.mtl --run-dir run --threads 1 --no-cache > said 2>&1 || { cat said; exit 1; }

# The second line is written when the answer of the first is there.
{
  printf 'x\n1\n'
  n=0
  until [ -s answers ] || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done
  cp answers first
  printf '"2"\n'
} | "$mtlc" predict run/model.safetensors --format source --threads 1 > answers || exit 1
[ "$(wc -l < first)" = 1 ] || { echo "no answer before the end of the input"; exit 1; }
[ "$(wc -l < answers)" = 2 ] || { echo "lost an answer"; cat answers; exit 1; }

# 72 MiB, in quoted cells that go over line ends.
{ echo "x,note,y"; i=0; while [ $i -lt 72 ]; do
    printf '%s,"' $i; head -c 1048576 /dev/zero | tr '\0' '\n'; printf '",0\n'; i=$((i + 1))
  done; } > large.csv
"$mtlc" predict run/model.safetensors large.csv --out large.jsonl --keep x --threads 1 || exit 1
[ "$(wc -l < large.jsonl)" = 72 ] || { echo "not an answer for each row"; exit 1; }
tail -1 large.jsonl | grep -q '^{"x":"71","y":' || { echo "answers are not in order"; exit 1; }

# A file of answers is there as a whole or not at all.
printf 'x\n1\nbad\n' > bad.csv
"$mtlc" predict run/model.safetensors bad.csv --out bad.jsonl --threads 1 > said 2>&1 && exit 1
[ "$(ls | grep -c '^bad.jsonl')" = 0 ] || { echo "left behind: $(ls)"; exit 1; }

# Scores that are no numbers are no answer, of a number and of a label; no metric is defined where they are.
{ echo "x,y,z"; for i in 1 2 3 4; do echo "$i,$i,a"; echo "$i,1,b"; done; } > sound.csv
sed 's/^4,4/1e30,4/' sound.csv > huge.csv
cat > n.mtl <<'END'
data rows {
  format = csv
  train  = "sound.csv"
  dev    = "sound.csv"
  test   = "huge.csv"
  x : f32[1] = columns("x")
  y : f32    = column("y")
  z : label  = column("z")
}
model n {
  let h = log(100.0 - rows.x)
  task y predicts rows.y { head = h |> linear(1) }
  task z predicts rows.z { head = h |> linear(|target|) }
  train { epochs = 1, optimizer = sgd(lr = 1e-30) }
}
END
"$mtlc" train n.mtl --run-dir none --threads 1 --no-cache > said 2>&1 || { cat said; exit 1; }
for task in y z; do
  printf 'x\n1\n1e30\n2\n' > n.csv
  "$mtlc" predict none/model.safetensors n.csv --format source --task $task --threads 1 > answers 2> said && { echo "answered without a number"; exit 1; }
  grep -q "error\[E0749\].*task \`$task\`.*finite numbers, of which the largest is 1e+30 in \`rows.x\`" said || { cat said; exit 1; }
  "$mtlc" predict none/model.safetensors n.csv --format source --task $task --threads 1 --skip-bad-rows 1 > answers 2> said || { cat said; exit 1; }
  [ "$(wc -l < answers)" = 3 ] && sed -n 2p answers | grep -q "\"$task\":null" || { cat answers; exit 1; }
done
"$mtlc" eval none/model.safetensors --threads 1 --no-cache > said 2>&1 || { cat said; exit 1; }
grep -q 'W0706.*`z.accuracy` is undefined on test: its scores are no numbers (NaN), first at .*huge.csv:8: the model makes them of finite numbers' said || { cat said; exit 1; }
