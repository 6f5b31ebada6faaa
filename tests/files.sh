#!/bin/sh
# files.sh MTLC FOLDER: what commands write is theirs, and whole: packages spare the files of others, runs keep those of the run before,
# a run that a signal ends says so, a damaged model is refused.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
fail() { echo "$1"; cat said; exit 1; }
says() { grep -q "$1" said || fail "does not say: $1"; }
{ echo "a,b,y"; for i in 1 2 3 4 5 6 7 8; do echo "$i,$((9 - i)),$((i % 2))"; done; } > rows.csv
cat > m.mtl <<'END'
const n = 1
data rows {
  format = csv
  train  = "rows.csv"
  dev    = "rows.csv"
  x : f32[2] = columns("a", "b")
  y : bool   = column("y") |> is("1")
}
model m {
  task y predicts rows.y { head = rows.x |> linear(1) }
  train { epochs = n }
}
END
run() { "$mtlc" run m.mtl --run-dir run --threads 1 --no-cache "$@" > said 2>&1; }
emit() { "$mtlc" emit "$@" > said 2>&1; }
model=run/model.safetensors
run || fail "the run failed"

# A package spares what is not its own, and takes its own stale files away.
mkdir project && echo mine > project/CMakeLists.txt
emit cpp $model --out project && fail "wrote into a project"
says 'error\[E0735\].*`CMakeLists.txt`'
[ "$(cat project/CMakeLists.txt)" = mine ] && [ "$(ls -A project)" = CMakeLists.txt ] || fail "changed a project"
emit object $model --out package --cpu native || fail "no package"
ls package/m/*.o > /dev/null || fail "no object"
echo mine > package/notes.txt
emit cpp $model --out package || fail "its own folder is refused"
ls package/m/*.o > /dev/null 2>&1 && fail "objects of the package before are left"
[ "$(cat package/notes.txt)" = mine ] || fail "a file beside the package is gone"
echo "// mine" >> package/main.cpp
emit cpp $model --out package && fail "wrote over a file that was changed"
says 'error\[E0736\].*package/main.cpp'
rm package/main.cpp
emit cpp $model --out package || fail "a file that was deleted is in the way"

# The files in a run folder are of one run.
cp $model first
run --set n=2 || fail "the second run failed"
says 'the files of the run before are in run/earlier/1'
cmp -s first run/earlier/1/model.safetensors || fail "the first model is lost"
"$mtlc" run m.mtl --run-dir run/earlier/1 --resume --set n=3 --threads 1 --no-cache > said 2>&1 ||
  fail "an earlier run cannot be resumed"
says 'epoch 3/3'

# Signals.
for signal in INT:130 TERM:143; do
  "$mtlc" train m.mtl --run-dir run --threads 1 --no-cache --json --set n=100000000 > said 2>&1 &
  pid=$!
  while ! grep -q '"event":"epoch"' said; do sleep 0.1; done
  kill -s ${signal%:*} $pid
  wait $pid
  code=$?
  [ $code = ${signal#*:} ] || fail "SIG${signal%:*} ends it with $code"
  says '"event":"end".*"interrupted":true.*"signal":"SIG'${signal%:*}
done

# One bit.
"$mtlc" predict $model rows.csv --format source > said 2>&1 || fail "the model that was saved does not predict"
printf '\125' | dd of=$model bs=1 seek=$(($(wc -c < $model) - 3)) conv=notrunc 2> /dev/null
"$mtlc" predict $model rows.csv --format source > said 2>&1 && fail "a damaged model predicts"
says 'error\[E0700\].*its checksum does not match'

# Links lead nowhere: the lock, the folder of earlier runs, the folders of a cache.
mkdir linked foreign cache
ln -s ../foreign/lock linked/.lock
"$mtlc" train m.mtl --run-dir linked --threads 1 --no-cache > said 2>&1 && fail "a lock that is a link is followed"
says 'linked/.lock. is a link or a folder'
rm linked/.lock
"$mtlc" train m.mtl --run-dir linked --threads 1 --no-cache > said 2>&1 || fail "a folder without a link is refused"
rm -rf linked/earlier
ln -s ../foreign linked/earlier
"$mtlc" train m.mtl --run-dir linked --threads 1 --no-cache > said 2>&1 && fail "earlier/ that is a link is followed"
says 'linked/earlier. is a link'
ln -s ../foreign cache/objects
ln -s ../foreign cache/data
"$mtlc" train m.mtl --run-dir cached --threads 1 --cache cache > said 2>&1 || fail "a cache that is a link stops a run"
says 'W0719'
[ -z "$(ls -A foreign)" ] || fail "something was written through a link"
exit 0
