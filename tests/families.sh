#!/bin/sh
# families.sh MTLC FOLDER: families written out by the compiler give the graph of the program that is written out by hand,
# but for names; and what is called by an element is harmless, whatever the element is.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
fail() { echo "families.sh: $1"; exit 1; }

cat > family.mtl <<'END_OF_PROGRAM'
const languages = ["en", "de"]
vocab words { }
data news[l in languages] {
  format = csv
  train  = "{l}.csv"
  words : token(words)[T] = column("words") |> split(" ")
  class : label          = column("class")
}
model m {
  shared  word = embed(4)
  shared  body = linear(4)
  private own  = linear(3)
  task kind[l in languages] predicts news[l].class {
    head = concat(mean(body(word(news[l].words)), over = T), own(max(word(news[l].words), over = T))) |> linear(|news[l].class|)
  }
  penalty 0.01 * sum(across(own.weight)**2)
  metric all = mean(kind.accuracy)
  require shares(body, [kind]) and separate(own, [kind])
  freeze kind[de].linear.bias
  train { optimizer = sgd(lr = 0.1), batch = 2, batch[news[de]] = 1, epochs = 1, stop = patience(1, on = all) }
}
END_OF_PROGRAM
cat > by_hand.mtl <<'END_OF_PROGRAM'
vocab words { }
data news_en {
  format = csv
  train  = "en.csv"
  words : token(words)[T] = column("words") |> split(" ")
  class : label          = column("class")
}
data news_de {
  format = csv
  train  = "de.csv"
  words : token(words)[T] = column("words") |> split(" ")
  class : label          = column("class")
}
model m {
  shared  word = embed(4)
  shared  body = linear(4)
  private own  = linear(3)
  task kind_en predicts news_en.class {
    head = concat(mean(body(word(news_en.words)), over = T), own(max(word(news_en.words), over = T))) |> linear(|news_en.class|)
  }
  task kind_de predicts news_de.class {
    head = concat(mean(body(word(news_de.words)), over = T), own(max(word(news_de.words), over = T))) |> linear(|news_de.class|)
  }
  penalty 0.01 * sum(across(own.weight)**2)
  metric all = mean(kind_en.accuracy, kind_de.accuracy)
  require shares(body, [kind_en, kind_de]) and separate(own, [kind_en, kind_de])
  freeze kind_de.linear.bias
  train { optimizer = sgd(lr = 0.1), batch = 2, batch[news_de] = 1, epochs = 1, stop = patience(1, on = all) }
}
END_OF_PROGRAM
printf 'words,class,x\na b,x,1\nc,y,2\na c,x,3\nb b,y,4\n' > en.csv
printf 'words,class\nd e,u\nf,v\nd f,w\n' > de.csv
plain() { sed 's/\[\(en\|de\)\]/_\1/g' "$1"; }

"$mtlc" emit graph by_hand.mtl > by_hand.txt || fail "no graph of the program by hand"
"$mtlc" emit graph family.mtl > family.txt || fail "no graph of the family"
grep -q 'path = "kind\[de\].linear.weight"' family.txt || fail "a parameter is not called kind[de].linear.weight"
plain family.txt > family_plain.txt
diff by_hand.txt family_plain.txt || fail "the graphs differ"

for of in by_hand family; do
  "$mtlc" run $of.mtl --run-dir run_$of --threads 1 --no-cache > $of.out 2>&1 || { cat $of.out; fail "run of $of.mtl"; }
done
"$mtlc" predict run_family/model.safetensors de.csv --task 'kind[de]' --threads 1 > family.json || fail "predict"
[ "$(wc -l < family.json)" -eq 3 ] || fail "predict has not one answer for each row"

# Elements that are paths, quotes, markup: they name no file of the run, and no code.
mkdir -p 'a.b' 'x]y' && cp en.csv 'a.b/t.csv' && cp en.csv 'x]y/t.csv' && cp en.csv a-b.csv && cp en.csv a_b.csv && cp en.csv "*_;'.csv"
cat > hostile.mtl <<'END_OF_PROGRAM'
data d[e in ["a.b/t", "x]y/t", "*_;'", "a.b/../x]y/t", "./en", "a-b", "a_b"]] {
  format = csv
  train  = "{e}.csv", test = "{e}.csv"
  x     : f32[1] = columns("x")
  class : label = column("class")
}
model m {
  shared body = linear(2)
  task kind[e in ["a.b/t", "x]y/t", "*_;'", "a.b/../x]y/t", "./en", "a-b", "a_b"]] predicts d[e].class { head = d[e].x |> body |> linear(|target|) }
  train { optimizer = sgd(lr = 0.1), batch = 2, epochs = 1 }
}
END_OF_PROGRAM
"$mtlc" run hostile.mtl --run-dir run_hostile --threads 1 --no-cache > hostile.out 2>&1 || { cat hostile.out; fail "run of hostile.mtl"; }
grep -q 'kind\[a%2Eb%2F%2E%2E%2Fx%5Dy%2Ft\]' hostile.out || fail "an element is not shown with %2E"
files=$(cd run_hostile && find . -type f ! -name '.lock' | sort | tr '\n' ' ')
[ "$files" = "./checkpoint.safetensors ./metrics.jsonl ./model.safetensors ./train.log " ] || fail "the run wrote $files"
"$mtlc" eval run_hostile/model.safetensors --threads 1 > eval.out 2>&1 || { cat eval.out; fail "eval"; }
grep -q 'kind\[a%2Eb%2Ft\]' eval.out || fail "eval has no line of kind[a%2Eb%2Ft]"
printf 'x\n1\n4\n' > new.csv
"$mtlc" predict run_hostile/model.safetensors new.csv --task 'kind[a%2Eb%2Ft]' --threads 1 > new.json || fail "predict of kind[a%2Eb%2Ft]"
[ "$(wc -l < new.json)" -eq 2 ] || fail "predict has not one answer for each row"

# Names of C++ are made of letters, digits and `_`, whatever the element is.
"$mtlc" emit cpp run_hostile/model.safetensors --out package > emit.out 2>&1 || { cat emit.out; fail "emit cpp"; }
"${CXX:-c++}" -std=c++20 -fsyntax-only -I package package/m/m.cpp package/m/m_c.cpp package/main.cpp || fail "the package does not compile"
