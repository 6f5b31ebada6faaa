// Real data sets, where there are any: MTLC_DATA names a folder with one folder for each set. Checks what their README
// says of them, and how long loading takes.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>

#include "runtime/data/batch.h"
#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSlow = true;
#else
constexpr bool kSlow = false;
#endif

struct Loaded {
  std::optional<Dataset> data;
  double cold = 0, cached = 0;
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Loaded load_twice(const std::string& root, const std::string& set, Spec spec, const std::string& suffix, bool has_dev) {
  SourceSpec& source = spec.sources[0];
  const std::string name = source.name == "s" ? "" : source.name + ".";
  source.train = {set + "/" + name + "train." + suffix};
  if (has_dev) source.dev = {set + "/" + name + "dev." + suffix};
  source.test = {set + "/" + name + "test." + suffix};
  Folder cache;
  LoadOptions options;
  options.data_dir = root;
  options.cache_dir = cache.path();
  Loaded out;
  for (double* seconds : {&out.cold, &out.cached}) {
    mtl::SourceMap sources;
    mtl::diag::Emitter emitter(&sources);
    *seconds = seconds_of([&] { out.data = load(spec, options, emitter); });
    for (const auto& report : emitter.sorted()) UNSCOPED_INFO(report.message);
    CHECK(emitter.error_count() == 0);
    REQUIRE(out.data);
  }
  std::cout << set << "/" << name << ": " << out.cold * 1000 << " ms, from the cache " << out.cached * 1000 << " ms\n";
  // Every batch of a pass fits, and all rows come by.
  const Split& train = out.data->sources[0].train;
  Batch batch(train, "s", 32);
  std::vector<uint32_t> chosen;
  int64_t rows = 0;
  for (int64_t e = 0; e < train.examples; ++e) {
    chosen.push_back(static_cast<uint32_t>(e));
    if (chosen.size() < 32 && e + 1 < train.examples) continue;
    batch.fill(chosen);
    if (const auto* t = batch.space("s.T")) rows += t->rows;
    chosen.clear();
  }
  if (train.ragged.count("T")) CHECK(rows == train.ragged.at("T").offsets.back());
  return out;
}

ColumnSpec words_of(const std::string& name) {
  return along({"T"}, column("words", ValueKind::token, named({name}), {transform(Kind::split, " ")}));
}
int64_t tokens(const Split& split) {
  return split.ragged.at("T").offsets.back();
}
size_t classes(const Loaded& loaded, const std::string& column) {
  return loaded.data->fitted.sets.at("s." + column).size();
}

}  // namespace

TEST_CASE("real data sets load as their README says") {
  const char* root = std::getenv("MTLC_DATA");
  if (!root) {
    std::cout << "skipped: real data sets (MTLC_DATA does not name a folder)\n";
    return;
  }
  const auto label = [](const std::string& name, Binding binding) {
    return column(name, ValueKind::label, std::move(binding));
  };

  SECTION("sentences") {
    const Loaded snips = load_twice(
        root, "snips",
        one_source(Format::conll, {along({"T"}, column("words", ValueKind::token, at({0}))),
                                   along({"T"}, label("slots", at({1}))), label("intent", comment("intent"))}),
        "conll", true);
    CHECK(snips.data->sources[0].train.examples == 13084);
    CHECK(tokens(snips.data->sources[0].train) == 117700);
    CHECK(tokens(snips.data->sources[0].test) == 6354);
    CHECK(classes(snips, "intent") == 7);
    CHECK(classes(snips, "slots") == 72);
    CHECK((kSlow || snips.cold < 0.3));
    CHECK((kSlow || snips.cached < 0.03));

    const Loaded gum =
        load_twice(root, "gum_open",
                   one_source(Format::conll,
                              {along({"T"}, column("words", ValueKind::token, at({0}))),
                               along({"T", "C"}, column("c", ValueKind::token, at({0}), {transform(Kind::characters)})),
                               along({"T"}, label("xpos", at({2}))), label("s_type", comment("s_type"))}),
                   "conll", true);
    CHECK(tokens(gum.data->sources[0].train) == 76760);
    CHECK(classes(gum, "xpos") == 46);
    CHECK(classes(gum, "s_type") == 11);

    const Loaded ewt =
        load_twice(root, "ud_en_ewt",
                   one_source(Format::conll, {along({"T"}, column("words", ValueKind::token, at({0}))),
                                              along({"T"}, label("feats", at({3}))), label("genre", comment("genre"))}),
                   "conll", true);
    CHECK(tokens(ewt.data->sources[0].train) == 204577);
    CHECK(classes(ewt, "feats") == 230);
    const auto& feats = ewt.data->sources[0].dev.columns.at("feats").ids;
    CHECK(std::count_if(feats.begin(), feats.end(), [](int32_t id) { return id <= kUnseen; }) == 18);

    const Loaded uyghur = load_twice(
        root, "ud_ug_udt",
        one_source(Format::conll,
                   {along({"T"}, column("words", ValueKind::token, at({0}))), along({"T"}, label("deprel", at({3})))}),
        "conll", true);
    CHECK(tokens(uyghur.data->sources[0].test) == 10330);
    CHECK(classes(uyghur, "deprel") == 33);

    const Loaded wnut = load_twice(root, "wnut17",
                                   one_source(Format::conll, {along({"T"}, column("words", ValueKind::token, at({0}))),
                                                              along({"T"}, label("ner", at({1})))}),
                                   "conll", true);
    CHECK(tokens(wnut.data->sources[0].train) == 62730);
    CHECK(classes(wnut, "ner") == 13);

    const Loaded clinc = load_twice(root, "clinc150",
                                    one_source(Format::tsv, {words_of("text"), label("intent", named({"intent"})),
                                                             label("scope", named({"scope"}))}),
                                    "tsv", true);
    CHECK(tokens(clinc.data->sources[0].train) == 125794);
    CHECK(classes(clinc, "intent") == 151);
  }

  SECTION("texts of one task each") {
    for (const auto& [set, task, count] : {std::tuple{"movie_pair", "sentiment", 176290},
                                           {"movie_pair", "subjectivity", 190763},
                                           {"review_domains", "amazon", 7866},
                                           {"review_domains", "imdb", 11620},
                                           {"review_domains", "yelp", 8423}}) {
      const std::string name = std::string(set) == "movie_pair" ? task : "sentiment";
      Spec spec = one_source(Format::tsv, {words_of("text"), label("y", named({name}))});
      spec.sources[0].train = {std::string(set) + "/" + task + ".train.tsv"};
      spec.sources[0].name = task;
      const Loaded loaded = load_twice(root, set, spec, "tsv", true);
      CHECK(tokens(loaded.data->sources[0].train) == count);
    }
  }

  SECTION("tables") {
    const Loaded adult = load_twice(
        root, "adult",
        one_source(
            Format::tsv,
            {shaped({5}, column("numbers", ValueKind::number,
                                named({"age", "education-num", "capital-gain", "capital-loss", "hours-per-week"}),
                                {transform(Kind::log1p), transform(Kind::standardize)})),
             shaped({7}, column("facts", ValueKind::category,
                                named({"workclass", "education", "occupation", "relationship", "race", "sex",
                                       "native-country"}))),
             column("income", ValueKind::boolean, named({"income"}), {is({">50K"})}),
             column("never_married", ValueKind::boolean, named({"never_married"}))}),
        "tsv", false);
    CHECK(adult.data->sources[0].train.examples == 32561);
    CHECK((kSlow || adult.cold < 1.0));
    const auto& income = adult.data->sources[0].train.columns.at("income").numbers;
    CHECK(std::count(income.begin(), income.end(), 1.0f) == 7841);

    std::vector<std::string> pixels;
    for (const char row : std::string("01234567")) {
      for (const char at : std::string("01234567")) pixels.push_back({'p', row, at});
    }
    const Loaded digits = load_twice(
        root, "optdigits",
        one_source(Format::tsv,
                   {shaped({8, 8}, column("x", ValueKind::number, named(pixels))), label("digit", named({"digit"}))}),
        "tsv", false);
    CHECK(classes(digits, "digit") == 10);
    CHECK(digits.data->sources[0].train.columns.at("x").width == 64);

    const auto standard = [](const std::string& name) {
      return column(name, ValueKind::number, named({name}), {transform(Kind::standardize)});
    };
    const Loaded student =
        load_twice(root, "student", one_source(Format::tsv, {standard("G1"), standard("G3")}), "tsv", true);
    const NumberStats& grades = student.data->fitted.numbers.at("s.G3");
    CHECK(grades.mean[0] == Approx(11.3).margin(0.05));
    CHECK(grades.deviation[0] == Approx(3.86).margin(0.005));
    load_twice(root, "enb2012", one_source(Format::tsv, {standard("heating_load")}), "tsv", true);
    load_twice(root, "wine", one_source(Format::tsv, {standard("quality"), label("color", named({"color"}))}), "tsv",
               true);
  }
}
