#!/bin/sh
# unknown_ids.sh MTLC FOLDER: where all answers of train are 1, ids that it does not have get about that, whatever the
# seed, by each of the ways in which ids reach weights.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
cat > m.mtl <<'END'
use std.sequence

vocab words { unknown = 1% }

data ads {
  format = csv
  train  = "ads.csv"
  user  : category(unknown = 1%)    = column("user")
  facts : category(unknown = 1%)[2] = columns("user", "shop")
  words : token(words)[T]           = column("words") |> split(" ")
  y     : f32                       = column("y")
}

module looked_up(width: int)(x: id(K)) -> f32[width] {
  param weight : f32[width, K] = normal(1.0)
  return transpose(weight)[x]
}

model m {
  private user  = embed(8)
  private facts = embed(8)
  task table   predicts ads.y { head = user(ads.user) |> mlp([16]) |> linear(|target|) }
  task fields  predicts ads.y { head = flatten(facts(ads.facts)) |> mlp([16]) |> linear(|target|) }
  task hot     predicts ads.y { head = one_hot(ads.user, |ads.user|) |> linear(16) |> relu |> linear(|target|) }
  task bag     predicts ads.y { head = mean(one_hot(ads.words, |words|), over = ads.T) |> linear(16) |> relu |> linear(|target|) }
  task windows predicts ads.y { head = one_hot(ads.words, |words|) |> conv1d(16) |> relu |> mean(over = ads.T) |> linear(|target|) }
  task columns predicts ads.y { head = ads.user |> looked_up(8) |> mlp([16]) |> linear(|target|) }
  train { optimizer = adam(lr = 0.01), batch = 16, epochs = 40, seed = 1 }
}
END
awk 'BEGIN { print "user,shop,words,y"
  for (i = 0; i < 200; ++i) printf "u%d,s%d,w%d w%d w%d,1\n", i % 40, i % 7, i % 11, i % 13, i % 17 }' > ads.csv
printf 'user,shop,words\nu1,s1,w1 w2 w3\nnobody,nowhere,never heard of\n' > new.csv

for seed in 1 2 3 4 5; do
  "$mtlc" train m.mtl --seed $seed --run-dir run$seed --threads 1 --no-cache > said 2>&1 || { cat said; exit 1; }
  "$mtlc" predict run$seed/model.safetensors new.csv --format source --threads 1 > answers || exit 1
  tr -d '{}' < answers | awk -F, -v seed=$seed '
    { for (i = 1; i <= NF; ++i) { split($i, part, ":"); y[NR, i] = part[2]; name[i] = part[1] } }
    END {
      if (NR != 2 || NF != 6) { print "not the answers of six tasks"; exit 1 }
      for (i = 1; i <= NF; ++i) {
        print "seed " seed, name[i], y[1, i], y[2, i]
        known = y[1, i] - 1; other = y[2, i] - 1
        if (known * known > 0.05 ^ 2 || other * other > 0.2 ^ 2) { print "that is not 1"; bad = 1 }
      }
      exit bad
    }' || exit 1
done
