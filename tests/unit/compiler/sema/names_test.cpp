// Names: what is declared, what hides what, what is not supported yet.
#include <catch2/catch.hpp>

#include "tests/unit/compiler/sema/check_case.h"

namespace mtl::sema {

TEST_CASE("a good file gives nothing to say") {
  Checked checked(model_with("require shares(encoder, [kind, tags])"));
  CHECK(checked.words() == "");
  REQUIRE(checked.file);
  CHECK(checked.file->model->name.text == "m");
  CHECK(checked.file->column("news", "tags") != nullptr);
  CHECK(checked.file->column("news", "nothing") == nullptr);
  CHECK(checked.file->task("kind") != nullptr);
}

TEST_CASE("unknown names come with the kind that fits") {
  const std::pair<const char*, const char*> cases[] = {
      {"let a = encoder(news.word)", "source `news` has no column `word`\nhelp: did you mean `news.words`?\n"},
      {"let a = encodr(news.words)",
       "there is no module, function or layer `encodr` here\nhelp: did you mean `encoder`?\n"},
      {"let a = words", "unknown name `words`\nhelp: a column is written with its source: `news.words`\n"},
      {"let a = encoder(news.words) |> mean(over = T)",
       "unknown name `T`\nhelp: outside its tasks a dimension is written with its source: `news.T`\n"},
      {"shared b = bilstm(3)",
       "there is no module, function or layer `bilstm` here\nhelp: `bilstm` is in the library: add `use "
       "std.sequence`\n"},
      {"let a = |enn|",
       "`|enn|` is no size: there is no such column, vocabulary or target here\nhelp: did you mean `|en|`?\n"},
      {"require shares(encodr, [kind, tags])",
       "no layer or task of the model is named `encodr`\nhelp: did you mean `encoder`?\n"},
      {"require shares(encoder, [kind, tag])", "there is no task `tag`\nhelp: did you mean `tags`?\n"},
      {"let a = kind",
       "`kind` is a task, not a value\nhelp: `kind.head` is its head, `kind.answer` its target or prediction\n"},
      {"let a = news", "`news` is a data source, not a value\nhelp: its columns are values: `news.COLUMN`\n"},
      {"let a = en", "`en` is a vocabulary, not a value\nhelp: its size is `|en|`\n"},
      {"let a = zeros", "an initializer is called: `zeros()`\n"},
      {"let a = kind.scores", "task `kind` has no `scores`: other tasks see its `head` and its `answer`\n"},
      {"balance = uncertanty()", "`balance` cannot be `uncertanty`\nhelp: did you mean `uncertainty`?\n"},
      {"balanse = fixed()", "a model has no setting `balanse`\nhelp: did you mean `balance`?\n"},
  };
  for (const auto& [line, expected] : cases) {
    INFO(line);
    CHECK(Checked(model_with(line)).words() == expected);
  }
}

TEST_CASE("names of one level are different") {
  const std::pair<const char*, const char*> cases[] = {
      {"shared encoder = embed(4)", "E0153"},
      {"shared kind = embed(4)", "E0153"},
      {"metric tags = mean(kind.accuracy)", "E0153"},
      {"let encoder = 3", "E0153"},
      {"let a = 1\n let a = 2", "E0153"},
      {"shared head = embed(4)", "E0154"},
      {"let kind = encoder(news.words)", ""},  // a task is no value, so it hides none
      {"shared relu = embed(4)", ""},          // primitives and the library may be hidden
      {"let x = [i for i in 0..2]\n let y = [i for i in 0..3]", ""},
  };
  for (const auto& [line, expected] : cases) {
    INFO(line);
    CHECK(Checked(model_with(line)).codes() == expected);
  }
  CHECK(Checked(kText + "data news { }").codes().starts_with("E0124"));
  CHECK(Checked("module f(a: int)(x: f32[D]) { let x = 3  return x }").codes() == "E0153");
  CHECK(Checked("module f(a: int)(x: f32[D]) { for a in 0..2 { } return x }").codes() == "E0153");
  CHECK(Checked("const linear = 3\nmodule f()(x: f32[D]) { let linear = x\n return linear }").codes() == "");
}

TEST_CASE("statements of bodies") {
  const std::pair<const char*, const char*> cases[] = {
      {"module f()(x: f32[D]) { y = x  return x }", "E0165"},
      {"module f()(x: f32[D]) { let y = x, y = x  return y }", "E0164"},
      {"module f()(x: f32[D]) { var y = x, y = x + y  return y }", ""},
      {"module f()(x: f32[D]) { for i in 0..2 { var y = x } return y }", "E0100"},
      {"function f(x: f32[D]) { layer l = linear(3)  return l(x) }", "E0166"},
      {"function f(x: f32[D]) { param p : f32[D] = zeros()  return p }", "E0166"},
      {"module f()(x: f32[D]) -> f32[E] { return x }", "E0148"},
      {"module f()(x: f32[D]) { param p : f32[E] = zeros()  return p }", "E0148"},
      {"module f()(x: f32[D]) { param p : label[D] = zeros()  return p }", "E0167"},
      {"module f(x: f32)(y: f32[D]) { return y }", "E0147"},
      {"module f()(y: int) { return y }", "E0147"},
      {"function f(y: int, x: f32[D]) { return x * y }", ""},
      {"module f()(x: flt[D]) { return x }", "E0147"},
      {"criterion c()(scores: f32[K], target: id(K)) { predict = argmax(scores) }", "E0168"},
      {"criterion c()(scores: f32[K], target: id(K)) { loss = sum(scores), lose = 3 }", "E0149"},
      {"criterion c()(scores: f32[K], target: id(K)) { loss = sum(scores), loss = 3 }", "E0151"},
      {"module f()(x: f32[D]) { return g(x, a = 1, a = 2) }\nfunction g(x: f32[D], a: int) { return x }", "E0152"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(Checked(text).codes() == expected);
  }
  CHECK(Checked(kText + "module f()(x: f32[D]) { return news.words }").codes() == "E0159");
  CHECK(Checked(kText + "module f()(x: f32[D]) { return linear(|news.tags|)(x) }").codes() == "");
}

TEST_CASE("variables of a model") {
  const auto model = [](const std::string& statements, const std::string& head) {
    return Checked(kText + "model m { shared e = embed(4)\n var h = e(news.words)\n" + statements +
                   "\n task t predicts news.tags { " + head + " } }")
        .codes();
  };
  CHECK(model("h = h + 1\n for i in 0..2 { h = h * i }", "head = h |> linear(|target|)") == "");
  CHECK(model("let g = h, g = h", "head = g |> linear(|target|)") == "E0149");
  CHECK(model("let h = 3", "head = h |> linear(|target|)") == "E0153");
  CHECK(model("for i in 0..2 { let z = h }", "head = z |> linear(|target|)") == "E0100");
  CHECK(model("", "h = h + 1, head = h |> linear(|target|)") == "E0164");
}

TEST_CASE("tasks") {
  const auto task = [](const std::string& body, const std::string& head = "") {
    return Checked(kText + "model m { shared e = embed(4)  task t predicts news.tags" + head + " { " + body + " } }")
        .codes();
  };
  CHECK(task("head = e(news.words) |> linear(|target|)") == "");
  CHECK(task("") == "E0169");
  CHECK(task("head = e(news.words), loss = none") == "");
  CHECK(task("head = e(news.words), loss = 0.5 * cross_entropy()(head, target), weight = progress") == "");
  CHECK(task("head = e(news.words) |> linear(len(target))") == "E0100");
  CHECK(task("head = e(news.words), head = e(news.words)") == "E0151");
  CHECK(task("hed = e(news.words)") == "E0149 E0169");
  CHECK(task("if true { head = e(news.words) } else { head = e(news.words) |> relu }") == "");
  CHECK(task("head = e(news.words)", " when news.kind") == "E0170");
  CHECK(task("head = e(news.words)", " when other.kind") == "E0142 E0171");
  CHECK(task("let e = 3, head = e") == "E0153");
}

TEST_CASE("circles end") {
  CHECK(Checked("const a = b\nconst b = a\n").codes() == "E0125");
  CHECK(Checked("module f()(x: f32[D]) { return g(x) }\nfunction g(x: f32[D]) { return f()(x) }\n").codes() == "E0133");
  CHECK(Checked("module f()(x: f32[D]) { return f()(x) }").codes() == "E0133");
  CHECK(Checked("use std.squence\n").words() ==
        "there is no library file `std.squence`\nhelp: did you mean `use std.sequence`?\n");
  CHECK(Checked("use \"nowhere.mtl\"\n").codes() == "E0120");
}

TEST_CASE("files use each other") {
  CheckOptions options;
  options.texts["a.mtl"] = "const width = 8\nmodule mine()(x: f32[D]) { return linear(width)(x) }";
  options.texts["b.mtl"] = "use \"a.mtl\"\nmodule mine()(x: f32[D]) { return linear(width)(x) }";
  options.texts["c.mtl"] = "use \"c.mtl\"\n";
  options.texts["d.mtl"] = "use \"e.mtl\"\n";
  options.texts["e.mtl"] = "use \"d.mtl\"\n";
  const auto codes = [&](const std::string& text) { return Checked(text, options).codes(); };
  CHECK(codes("use \"a.mtl\"\nmodule f()(x: f32[D]) { return mine()(x) * width }") == "");
  CHECK(codes("use \"b.mtl\"\nmodule f()(x: f32[D]) { return x * width }") == "E0100");  // `use` passes nothing on
  CHECK(codes("use \"a.mtl\"\nuse \"b.mtl\"\nmodule f()(x: f32[D]) { return mine()(x) }") == "E0155");
  CHECK(codes("use \"a.mtl\"\nuse \"b.mtl\"\nmodule f()(x: f32[D]) { return a.mine()(x) + b.mine()(x) }") == "");
  CHECK(codes("use \"a.mtl\"\nmodule mine()(x: f32[D]) { return x }\nmodule f()(x: f32[D]) { return mine()(x) }") ==
        "");
  CHECK(codes("use \"c.mtl\"\n") == "E0122");
  CHECK(codes("use \"d.mtl\"\n") == "E0122");
}

TEST_CASE("--set keeps the kind of a constant") {
  const std::string text =
      "const width = 8\nconst rate = 0.5\nconst share = 10%\nconst name = \"a\"\nconst xs = [1, 2]\nconst twice = 2 * "
      "width\n";
  const auto with = [&](const std::string& name, const std::string& value) {
    CheckOptions options;
    options.sets.emplace_back(name, value);
    Checked checked(text, options);
    if (!checked.file) return checked.codes();
    return checked.file->constant(0, name)->text() + " " + checked.file->constant(0, "twice")->text();
  };
  CHECK(with("width", "256") == "256 512");
  CHECK(with("width", "64k") == "64000 128000");
  CHECK(with("rate", "1") == "1.0 16");
  CHECK(with("share", "0.2") == "20% 16");
  CHECK(with("name", "books/a.tsv") == "\"books/a.tsv\" 16");
  CHECK(with("name", "\"b\"") == "\"b\" 16");
  CHECK(with("xs", "[4, 5, 6]") == "[4, 5, 6] 16");
  CHECK(with("width", "0.5") == "E0127");
  CHECK(with("width", "wide") == "E0128");
  CHECK(with("width", "") == "E0128");
  CHECK(with("width", "1\nconst b = 2") == "E0128");
  CHECK(with("xs", "[1, \"a\"]") == "E0127");
  CHECK(with("widht", "3") == "E0126");
}

TEST_CASE("models are chosen by name") {
  const std::string two =
      model_with("") + "model n { shared e = embed(3)  task k predicts news.kind { head = e(news.words) } }";
  const auto choose = [&](const std::string& text, const std::string& name) {
    CheckOptions options;
    options.model = name;
    Checked checked(text, options);
    return checked.file ? checked.file->model ? checked.file->model->name.text : "none" : checked.codes();
  };
  CHECK(choose(two, "n") == "n");
  CHECK(choose(two, "") == "E0130");
  CHECK(choose(two, "o") == "E0129");
  CHECK(choose("const a = 1", "") == "none");
  // A model hides no module of its name.
  CHECK(choose("use std.sequence\n" + kText +
                   "model bilstm { shared b = embed(3) >> bilstm(4)  "
                   "task k predicts news.tags { head = b(news.words) |> linear(|target|) } }",
               "") == "bilstm");
}

TEST_CASE("what is not supported yet says so, where the model needs it") {
  const std::pair<const char*, const char*> cases[] = {
      {"project encoder onto norm(3.0)", "E0901"},     {"balance = pcgrad()", "E0903"},
      {"let a = batch(encoder(news.words))", "E0900"}, {"let a = batch.index", "E0906"},
      {"shared b = bert(depth = 2)", "E0900"},
  };
  for (const auto& [line, expected] : cases) {
    INFO(line);
    Checked checked(model_with(line));
    CHECK(checked.codes() == expected);
    CHECK(!checked.file);
  }
  // Not reached by the model: nothing to say.
  CHECK(Checked(model_with("") + "module f()(x: f32[D]) { return sum(across(x)) }").codes() == "");
  CHECK(Checked(model_with("") + "balancer b()(losses: f32[N]) -> f32[N] { return losses }").codes() == "");
  CHECK(Checked(model_with("") + "data other[d in [\"a\"]] { format = tsv, train = \"{d}\"\n x : f32 = column(0) }")
            .codes() == "");
  const std::string own = "balancer b()(losses: f32[N]) -> f32[N] { return losses }";
  CHECK(Checked(model_with("balance = b()") + own).codes() == "");
  CHECK(Checked(model_with("balance = b()") + "balancer b()(losses: f32[N], gram: f32[N, N]) { return gram @ losses }")
            .codes() == "E0903");
  CHECK(Checked(model_with("") + "sweep s { width = [1, 2] }").codes() == "W0100");
}

}  // namespace mtl::sema
