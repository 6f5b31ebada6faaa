// Settings of data, training and metrics: what they say, and what is reported.
#include <catch2/catch.hpp>

#include "compiler/sema/data_spec.h"
#include "compiler/sema/task_metrics.h"
#include "compiler/sema/train_config.h"
#include "tests/unit/compiler/sema/check_case.h"

namespace mtl::sema {
namespace {

training::TrainConfig train(const std::string& settings) {
  Checked checked(model_with("metric both = all_correct([kind, tags])\ntrain { " + settings + " }"));
  INFO(settings << "\n" << checked.words());
  REQUIRE(checked.file);
  auto config = describe_train(*checked.file, checked.emitter);
  REQUIRE(config);
  return *config;
}

std::string train_codes(const std::string& settings) {
  return Checked(model_with("metric both = all_correct([kind, tags])\ntrain { " + settings + " }")).codes();
}

// The codes of a source with this column; a good one is described.
std::string column_codes(const std::string& column, const std::string& settings = "format = csv, train = \"a.csv\"") {
  return Checked("vocab en { }\ndata d { " + settings + "\n label : label = column(0)\n " + column + " }").codes();
}

data::ColumnSpec column(const std::string& text, const std::string& settings = "format = csv, train = \"a.csv\"") {
  Checked checked("vocab en { }\ndata d { " + settings + "\n y : label = column(\"y\")\n " + text +
                  " }\nmodel m { shared e = linear(2) task t predicts d.y { head = e(d.y) } }");
  INFO(text << "\n" << checked.words());
  REQUIRE(checked.file);
  auto spec = describe_data(*checked.file, checked.emitter);
  REQUIRE(spec);
  return spec->sources.at(0).columns.at(1);
}

}  // namespace

TEST_CASE("optimizers have the names and defaults of torch.optim") {
  using runtime::OptimizerRule;
  auto adamw = train("optimizer = adamw(lr = 2e-3)").optimizer;
  CHECK(adamw.settings.rule == OptimizerRule::adamw);
  CHECK(adamw.lr == 2e-3);
  CHECK(adamw.weight_decay == 0.01);
  CHECK(adamw.settings.epsilon == 1e-8f);
  CHECK(train("optimizer = adam()").optimizer.weight_decay == 0);
  CHECK(train("optimizer = adam(1e-2, beta2 = 0.9)").optimizer.settings.beta2 == 0.9f);
  CHECK(train("optimizer = adam(betas = [0.8, 0.95])").optimizer.settings.beta1 == 0.8f);
  CHECK(train("optimizer = sgd(lr = 0.1)").optimizer.settings.rule == OptimizerRule::sgd);
  CHECK(train("optimizer = sgd(lr = 0.1, momentum = 0.5)").optimizer.settings.rule == OptimizerRule::momentum);
  CHECK(train("optimizer = momentum(lr = 0.1)").optimizer.settings.momentum == 0.9f);
  CHECK(train("optimizer = adagrad()").optimizer.lr == 1e-2);
  CHECK(train("optimizer = adagrad()").optimizer.settings.epsilon == 1e-10f);
  CHECK(train("optimizer = rmsprop(alpha = 0.9)").optimizer.settings.alpha == 0.9f);
  CHECK(train("optimizer = adam(lazy = true)").optimizer.lazy);
  CHECK(train("lazy = true, optimizer = adam()").optimizer.lazy);
}

TEST_CASE("the rest of the train block") {
  auto config = train(
      "schedule = warmup_cosine(warmup = 10%, floor = 0.1), batch = 16, batch[news] = 8, epochs = 3, "
      "clip_norm = 1, accumulate = 2, stop = patience(4, on = both), seed = 9, average = ema(0.99), mix = sqrt");
  CHECK(config.schedule.kind == training::ScheduleConfig::Kind::warmup_cosine);
  CHECK(config.schedule.warmup_fraction == Approx(0.1));
  CHECK(config.schedule.floor == 0.1);
  CHECK(config.batch == training::BatchSize{16, false});
  CHECK(config.batch_of.at("news") == training::BatchSize{8, false});
  CHECK(config.epochs == 3);
  CHECK(config.clip_norm == 1);
  CHECK(config.accumulate == 2);
  CHECK(config.patience == 4);
  CHECK(config.stop_on->names == std::vector<std::string>{"both"});
  CHECK(config.seed == 9);
  CHECK(config.ema == 0.99);
  CHECK(config.mix.kind == training::MixKind::sqrt);
  const auto mixed = train("batch = tokens(4096), batch[news] = 8");
  CHECK(mixed.batch == training::BatchSize{4096, true});
  CHECK(mixed.batch_of.at("news") == training::BatchSize{8, false});
  CHECK(train("batch[news] = tokens(200)").batch_of.at("news") == training::BatchSize{200, true});
  CHECK(train("precision = bf16").bf16);
  CHECK(train("schedule = inverse_sqrt(warmup = 400)").schedule.warmup_steps == 400);
  CHECK(train("schedule = exponential(rate = 0.75, every = 5000)").schedule.every == 5000);
  CHECK(train("steps = 100").steps == 100);
  CHECK(train("mix = temperature(2)").mix.temperature == 2);
  CHECK(train("mix = weighted(news = 3)").mix.weights.at("news") == 3);
  auto mean = train("stop = patience(2, on = mean(kind.accuracy, tags.span_f1))");
  CHECK(mean.stop_on->names == std::vector<std::string>{"kind.accuracy", "tags.span_f1"});
  auto groups = train("group encoder.embed { lr = 2e-5 } group encoder[0..2].*.bias { weight_decay = 0 }").groups;
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].pattern == "encoder.embed");
  CHECK(groups[0].lr == 2e-5);
  CHECK(groups[2].pattern == "encoder.1.*.bias");
  CHECK(groups[2].weight_decay == 0.0);
}

TEST_CASE("wrong training settings") {
  const std::pair<const char*, const char*> cases[] = {
      {"optimizer = adma(lr = 1e-3)", "E0150"},
      {"optimizer = adam(learning_rate = 1e-3)", "E0182"},
      {"optimizer = adam(lr = 0)", "E0180"},
      {"optimizer = adam(lr = -1.0)", "E0180"},
      {"optimizer = adam(lr = \"a\")", "E0109"},
      {"optimizer = momentum(lr = 0.1, momentum = 1)", "E0180"},
      {"optimizer = sgd(lr = 0.1, nesterov = true)", "E0184"},
      {"optimizer = adam(beta1 = 0.5, betas = [0.1, 0.2])", "E0186"},
      {"optimizer = \"adam\"", "E0181"},
      {"optimizer = adam(), optimizer = adam()", "E0151"},
      {"optimiser = adam()", "E0149"},
      {"schedule = warmup_linear(warmup = 0.1)", "E0163"},
      {"schedule = warmup_linear(warmup = 100%)", "E0180"},
      {"schedule = cosine()", "E0150"},
      {"schedule = exponential()", "E0184"},
      {"batch = 0", "E0180"},
      {"batch = 1.5", "E0109"},
      {"batch = |en|", "E0108"},
      {"batch = words(3)", "E0150"},
      {"batch[new] = 3", "E0198"},
      {"epochs = 0", "E0180"},
      {"epochs = 3, steps = 100", "E0186"},
      {"clip_norm = 0", "E0180"},
      {"seed = -1", "E0180"},
      {"stop = 3", "E0181"},
      {"stop = patience()", "E0184"},
      {"stop = patience(3, on = kind)", "E0192"},
      {"stop = patience(3, on = kind.auc)", "E0190"},
      {"stop = patience(3, on = nothing)", "E0193"},
      {"stop = patience(3, on = nothing.auc)", "E0144"},
      {"average = ema(1.0)", "E0180"},
      {"mix = rond_robin", "E0150"},
      {"mix = weighted(new = 3)", "E0198"},
      {"mix = weighted()", "E0197"},
      {"group encodr { lr = 1e-3 }", "E0196"},
      {"group encoder { rate = 1e-3 }", "E0149"},
      {"group encoder { lr = 1e-3, lr = 1e-4 }", "E0151"},
      {"precision = f64", "E0150"},
  };
  for (const auto& [settings, expected] : cases) {
    INFO(settings);
    CHECK(train_codes(settings) == expected);
  }
  CHECK(Checked(model_with("train { }  train { }")).codes() == "E0151");
}

TEST_CASE("columns") {
  using data::Binding;
  using data::Transform;
  auto words = column("w : token(en)[T] = column(\"text\") |> split(\" \") |> limit(50)");
  CHECK(words.kind == data::ValueKind::token);
  CHECK(words.vocab == "en");
  CHECK(words.ragged == std::vector<std::string>{"T"});
  CHECK(words.transforms.size() == 2);
  CHECK(words.transforms[1].count == 50);
  auto numbers = column("n : f32[3] = columns(\"a1\"..\"a3\") |> log1p |> standardize |> fill(mean)");
  CHECK(numbers.binding.names == std::vector<std::string>{"a1", "a2", "a3"});
  CHECK(numbers.fixed == std::vector<int64_t>{3});
  CHECK(numbers.transforms[2].kind == Transform::Kind::fill_mean);
  CHECK(column("c : category[2] = columns(0, 1) |> fill(\"none\")").transforms[0].text == "none");
  CHECK(column("b : bool = column(1) |> is(\"yes\", \"y\")").transforms[0].texts.size() == 2);
  CHECK(column("l : label(\"0\"..\"9\") = column(1)").fixed_labels.size() == 10);
  CHECK(column("l : label(d.y) = column(1)").labels_of == "d.y");
  CHECK(column("l : label = column(1) |> bins(10)").transforms[0].count == 10);
  CHECK(column("c : token(en)[T, C] = column(1) |> words |> characters").ragged.size() == 2);
  auto field = column("f : f32[512] = field(\"a.b\")", "format = jsonl, train = [\"a\", \"b\"], holdout = 10%");
  CHECK(field.binding.kind == Binding::Kind::field);
  CHECK(column("e : token(en)[T] = column(1, allow_empty = true) |> words").allow_empty);
}

TEST_CASE("wrong columns") {
  const std::pair<const char*, const char*> cases[] = {
      {"w : token(ne)[T] = column(1) |> words", "E0143"},
      {"w : token = column(1)", "E0163"},
      {"w : tokens(en)[T] = column(1)", "E0147"},
      {"w : token(en)[T] = colunm(1) |> words", "E0150"},
      {"w : token(en)[T] = column(1) |> wrods", "E0150"},
      {"w : token(en)[T] = column(1) |> split", "E0184"},
      {"w : token(en)[T] = column(1) |> split(3)", "E0109"},
      {"w : token(en)[T] = column(1) |> words |> limit(0)", "E0180"},
      {"w : token(en)[T] = column(-1) |> words", "E0180"},
      {"w : token(en)[T] = column |> words", "E0163"},
      {"w : token(en)[T] = column(1, 2) |> words", "E0183"},
      {"w : f32[3, T] = column(1)", "E0188"},
      {"w : f32[0] = column(1)", "E0180"},
      {"w : f32 = column(1) |> fill(0.0, 1.0)", "E0183"},
      {"w : category = column(1) |> fill(0)", "E0163"},
      {"w : bool = column(1) |> is", "E0163"},
      {"w : label(\"a\", \"a\") = column(1)", "E0124"},
      {"w : label(e.y) = column(1)", "E0142"},
      {"w : label(d.z) = column(1)", "E0141"},
      {"w : f32 = columns(1, \"a\")", "E0163"},
      {"label : f32 = column(1)", "E0124"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(column_codes(text) == expected);
  }
}

TEST_CASE("wrong sources and vocabularies") {
  const std::pair<const char*, const char*> cases[] = {
      {"train = \"a\"", "E0185"},
      {"format = csv", "E0185"},
      {"format = exel, train = \"a\"", "E0150"},
      {"format = \"csv\", train = \"a\"", "E0181"},
      {"format = csv, train = 3", "E0109"},
      {"format = csv, train = [\"a\", 3]", "E0109"},
      {"format = csv, train = []", "E0163"},
      {"format = csv, train = \"a\", trian = \"b\"", "E0149"},
      {"format = csv, train = \"a\", train = \"b\"", "E0151"},
      {"format = csv, train = \"a\", dev = \"b\", holdout = 10%", "E0186"},
      {"format = csv, train = \"a\", holdout = 0.1", "E0163"},
      {"format = csv, train = \"a\", holdout = 100%", "E0180"},
      {"format = csv, train = \"a\", folds = 1", "E0180"},
      {"format = csv, train = \"a\", header = 1", "E0109"},
      {"format = conllu, train = \"a\", header = true", "E0187"},
      {"format = conllu, train = \"a\", separator = \"|\"", "E0187"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const std::string column = std::string(text).find("conllu") != std::string::npos ? "x : label[T]" : "x : label";
    CHECK(Checked("data d { " + std::string(text) + "\n" + column + " = column(0) }").codes() == expected);
  }
  CHECK(Checked("data d { format = csv, train = \"a\" }").codes() == "E0185");
  CHECK(Checked("vocab v { min_count = 0 }").codes() == "E0180");
  CHECK(Checked("vocab v { min_cuont = 1 }").codes() == "E0149");
  CHECK(Checked("vocab v { lowercase = 1 }").codes() == "E0109");
  CHECK(Checked("vocab v { lowercase = true, lowercase = true }").codes() == "E0151");
}

TEST_CASE("only what the model reaches is described") {
  Checked checked(model_with("") + "vocab other { }\ndata more { format = csv, train = \"a\"\n x : f32 = column(0) }");
  REQUIRE(checked.file);
  auto spec = describe_data(*checked.file, checked.emitter);
  REQUIRE(spec);
  REQUIRE(spec->sources.size() == 1);
  CHECK(spec->sources[0].name == "news");
  REQUIRE(spec->vocabs.size() == 1);
  CHECK(spec->vocabs[0].name == "en");
}

TEST_CASE("metrics follow the target, and what refers to them") {
  using training::Metric;
  const auto metrics = [](const std::string& setting, const std::string& rest) {
    Checked checked(kText + "model m { shared e = embed(4) task t predicts news.tags { head = e(news.words)\n" +
                    setting + " } task k predicts news.kind { head = e(news.words) } " + rest + " }");
    INFO(checked.words());
    REQUIRE(checked.file);
    const syntax::TaskDecl& task = *checked.file->task("t");
    const syntax::Expr* value = nullptr;
    for (const syntax::Stmt& stmt : task.body) {
      const auto* assign = std::get_if<syntax::AssignStmt>(&stmt.node);
      if (assign && assign->name.text == "metric") value = assign->value.get();
    }
    auto out = task_metrics(*checked.file, *checked.file->model, task, value, checked.emitter);
    REQUIRE(out);
    return *out;
  };
  CHECK(metrics("", "").metrics == std::vector<Metric>{Metric::accuracy});
  CHECK(metrics("", "").span_f1_if_tagged);
  CHECK(metrics("metric = [span_f1, macro_f1]", "").metrics == std::vector<Metric>{Metric::span_f1, Metric::macro_f1});
  CHECK(metrics("metric = span_f1", "").metrics == std::vector<Metric>{Metric::span_f1});
  CHECK(metrics("metric = [accuracy]", "train { stop = patience(2, on = t.span_f1) }").metrics ==
        std::vector<Metric>{Metric::accuracy, Metric::span_f1});
  CHECK(metrics("", "metric both = mean(t.span_f1, k.accuracy)").metrics ==
        std::vector<Metric>{Metric::accuracy, Metric::span_f1});
  const auto codes = [](const std::string& rest) { return Checked(model_with(rest)).codes(); };
  CHECK(codes("metric a = all_correct([kind, tags], per = T)") == "E0195");
  CHECK(codes("metric a = all_correct([tags], per = T)") == "");
  CHECK(codes("metric a = all_correct(kind)") == "E0162");
  CHECK(codes("metric a = all_correct([nothing])") == "E0144");
  CHECK(codes("metric a = mean(kind.acuracy)") == "E0190");
  CHECK(codes("metric a = median(kind.accuracy)") == "E0163");
  CHECK(codes("task x predicts news.kind { head = encoder(news.words), metric = [rmse] }") == "E0190");
  CHECK(codes("task x predicts news.kind { head = encoder(news.words), metric = [accuracy, accuracy] }") == "E0151");
  CHECK(codes("task x { head = encoder(news.words), metric = [accuracy] }") == "E0191");
}

TEST_CASE("path patterns") {
  using training::match_path;
  CHECK(match_path("encoder", "encoder"));
  CHECK(match_path("encoder", "encoder.lstm.weight"));
  CHECK_FALSE(match_path("encoder", "encoders.weight"));
  CHECK_FALSE(match_path("encoder.lstm", "encoder"));
  CHECK(match_path("encoder.*.weight", "encoder.0.weight"));
  CHECK_FALSE(match_path("encoder.*.weight", "encoder.0.dense.weight"));
  CHECK(match_path("encoder.**.weight", "encoder.0.dense.weight"));
  CHECK(match_path("encoder.**.weight", "encoder.weight"));
  CHECK(match_path("**.bias", "a.b.bias"));
  CHECK(match_path("bottom.gate", "bottom.gate@intent.weight"));
  CHECK(match_path("bottom.gate@intent", "bottom.gate@intent.weight"));
  CHECK_FALSE(match_path("bottom.gate@intent", "bottom.gate@slots.weight"));
  CHECK_FALSE(match_path("bottom.gate@intent", "bottom.gate.weight"));
  CHECK(match_path("bottom.*@intent", "bottom.gate@intent.weight"));
  for (const char* name : {"accuracy", "span_f1", "pearson"}) {
    CHECK(training::metric_name(*training::metric_from_name(name)) == std::string(name));
  }
  CHECK_FALSE(training::metric_from_name("bleu"));
}

}  // namespace mtl::sema
