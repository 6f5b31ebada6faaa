// A column of a package made of what was fitted, as the emitter makes it of tables, beside `data::encode_text`, which
// is what `mtlc predict` runs.
#pragma once
#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>

#include "runtime/core/deploy/columns.h"
#include "runtime/data/plan.h"
#include "runtime/model/write_weights.h"
#include "tests/unit/runtime/data/fixture.h"

namespace mtl::data::test {

namespace deploy = runtime::deploy;
using deploy::InputError;
using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

class Deployed {
 public:
  Deployed(const Spec& spec, const Fitted& fitted, const std::string& name) {
    SourceMap sources;
    diag::Emitter emitter(&sources);
    const auto plan = plan_source(spec.sources[0], emitter);
    REQUIRE(plan);
    for (const ColumnPlan& column : plan->columns) {
      if (column.spec->name == name) make(*plan, column, spec, fitted);
    }
    REQUIRE(column_);
  }
  Deployed(const Deployed&) = delete;  // the column points into it
  deploy::Column* operator->() { return column_.get(); }
  deploy::Column& operator*() { return *column_; }
  const deploy::ColumnSpec& spec() const { return out_; }

 private:
  void make(const SourcePlan& plan, const ColumnPlan& column, const Spec& spec, const Fitted& fitted) {
    const ColumnSpec& from = *column.spec;
    out_.name = keep(from.name);
    out_.kind = from.kind == ValueKind::token      ? deploy::ColumnSpec::Kind::token
                : from.kind == ValueKind::category ? deploy::ColumnSpec::Kind::category
                : from.kind == ValueKind::boolean  ? deploy::ColumnSpec::Kind::boolean
                                                   : deploy::ColumnSpec::Kind::number;
    out_.apart = from.kind == ValueKind::category && !from.fixed.empty();
    out_.sentence = column.per_token && from.kind == ValueKind::token;
    out_.width = column.width;
    out_.cells = column.cells();
    out_.cross = from.binding.cross;
    out_.buckets = hash_count(from);
    out_.levels = static_cast<int>(column.dims.size());
    out_.base_levels = column.base_levels;
    for (size_t level = 0; level < column.dims.size(); ++level) {
      const DimPlan& dim = plan.dims[static_cast<size_t>(column.dims[level])];
      out_.limits[level] = dim.limit;
      out_.keep_last[level] = dim.keep_last;
      out_.allow_empty[level] = dim.allow_empty;
    }
    make_transforms(from);
    for (const std::string& mark : plan.spec->missing) missing_.push_back(keep(mark));
    out_.missing = missing_.data();
    out_.missing_count = missing_.size();
    if (column.reads_numbers()) {
      const std::vector<double>& marks = numbers_.emplace_back(missing_numbers(*plan.spec));
      out_.missing_numbers = marks.data();
      out_.missing_number_count = marks.size();
    }
    out_.trim = plan.spec->trim;
    out_.decimal = keep(plan.spec->decimal);
    out_.thousands = keep(plan.spec->thousands);
    if (const auto stats = fitted.numbers.find("s." + from.name); stats != fitted.numbers.end())
      make_stats(stats->second);
    deploy::Vocabulary names;
    if (out_.kind == deploy::ColumnSpec::Kind::token) out_.lowercase = spec.vocabs[0].lowercase;
    const bool named = out_.kind == deploy::ColumnSpec::Kind::token || out_.kind == deploy::ColumnSpec::Kind::category;
    if (named && out_.buckets == 0) {
      const bool token = out_.kind == deploy::ColumnSpec::Kind::token;
      const IdSet& set = token ? fitted.vocabs.at(from.vocab) : fitted.sets.at("s." + from.name);
      const std::string bytes =
          deploy::weights_bytes(0, {{"names", deploy::SectionSpec::Kind::vocabulary, nullptr, 0, set.names}});
      void* memory = nullptr;
      REQUIRE(::posix_memalign(&memory, 64, bytes.size()) == 0);
      memory_.reset(static_cast<char*>(memory));
      std::copy(bytes.begin(), bytes.end(), memory_.get());
      const deploy::SectionSpec section{"names", deploy::SectionSpec::Kind::vocabulary, set.names.size()};
      file_ = deploy::WeightsFile::view(memory_.get(), bytes.size(), 0, &section, 1);
      names = file_.vocabulary(0);
    }
    column_ = std::make_unique<deploy::Column>(out_, names);
  }

  void make_transforms(const ColumnSpec& from) {
    for (const Transform& transform : from.transforms) {
      deploy::Transform made;
      made.kind = static_cast<deploy::Transform::Kind>(transform.kind);
      made.text = keep(transform.text);
      lists_.emplace_back();
      for (const std::string& text : transform.texts) lists_.back().push_back(keep(text));
      made.texts = lists_.back().data();
      made.text_count = lists_.back().size();
      made.count = transform.count;
      transforms_.push_back(made);
    }
    out_.transforms = transforms_.data();
    out_.transform_count = transforms_.size();
  }
  void make_stats(const NumberStats& stats) {
    const auto table = [&](const std::vector<double>& values) {
      return values.empty() ? nullptr : numbers_.emplace_back(values).data();
    };
    out_.stats.mean = table(stats.mean);
    out_.stats.deviation = table(stats.deviation);
    out_.stats.minimum = table(stats.minimum);
    out_.stats.maximum = table(stats.maximum);
    out_.stats.fill = table(stats.fill);
    if (stats.bin_edges.empty()) return;
    out_.stats.bin_edges = table(stats.bin_edges[0]);
    out_.stats.bin_edge_count = stats.bin_edges[0].size();
  }
  const char* keep(const std::string& text) { return texts_.emplace_back(text).c_str(); }

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::deque<std::string> texts_;
  std::deque<std::vector<double>> numbers_;
  std::deque<std::vector<const char*>> lists_;
  std::vector<const char*> missing_;
  std::vector<deploy::Transform> transforms_;
  deploy::ColumnSpec out_;
  std::unique_ptr<char, Free> memory_;
  deploy::WeightsFile file_;
  std::unique_ptr<deploy::Column> column_;
};

// A source that was fitted on `train`, and what predict makes of texts.
struct Trained {
  Folder folder;
  Spec spec;
  std::unique_ptr<Loading> loading;
  Trained(Spec of, const std::string& train) : spec(std::move(of)) {
    folder.write("train", train);
    loading = std::make_unique<Loading>(spec, folder);
    REQUIRE(loading->data);
  }
  const Fitted& fitted() const { return loading->data->fitted; }
  Deployed column(const std::string& name) const { return Deployed(spec, fitted(), name); }
  // nullopt: predict refuses the text.
  std::optional<Split> predict(const std::string& text, RawFormat format = RawFormat::source,
                               const Texts& only = {}) const {
    SourceMap sources;
    diag::Emitter emitter(&sources);
    Texts columns = only;
    for (size_t i = 0; only.empty() && i < spec.sources[0].columns.size(); ++i)
      columns.push_back(spec.sources[0].columns[i].name);
    auto input = encode_text(spec.sources[0], fitted(), columns, format, text, "input", emitter);
    if (!input) return std::nullopt;
    return std::move(input->split);
  }
};

inline void check_same(const deploy::Column& found, const Split& split, const std::string& name) {
  INFO(name);
  const Column& expected = split.columns.at(name);
  CHECK(found.ids() == expected.ids);
  CHECK(found.numbers() == expected.numbers);
  CHECK(found.examples() == static_cast<size_t>(split.examples));
  std::string dim = expected.dim;
  for (int level = found.spec().levels - 1; level >= 0; --level) {
    const Ragged& ragged = split.ragged.at(dim);
    Ids offsets{0};
    for (const int32_t n : found.lengths(level)) offsets.push_back(offsets.back() + n);
    CHECK(offsets == ragged.offsets);
    dim = ragged.parent;
  }
}

inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

// Every cell, as the only column of a table and by add_text: the same, or refused by both.
inline void check_cells(const Trained& source, const Texts& cells) {
  const std::string name = source.spec.sources[0].columns[0].name;
  for (const std::string& cell : cells) {
    INFO("cell `" << cell << "`");
    Deployed column = source.column(name);
    const auto expected = source.predict(name + "\tother\n" + cell + "\tx\n");
    const std::string error = error_of([&] { column->add_text(cell); });
    const bool missing = expected && expected->columns.at(name).missing > 0;
    if (expected && !missing) {
      CHECK(error == "");
      check_same(*column, *expected, name);
    } else {
      CHECK(error.find("column `" + name + "`: ") == 0);
      CHECK(column->examples() == 0);
      CHECK((column->ids().empty() && column->numbers().empty()));
    }
  }
}

inline Trained table(ColumnSpec column, const std::string& train, Texts missing = {}, bool lowercase = false) {
  column.name = "x";
  column.binding = named({"x"});
  Spec spec = one_source(Format::tsv, {std::move(column)}, {{"en", lowercase}});
  const ColumnSpec& made = spec.sources[0].columns[0];
  if (made.kind == ValueKind::token) spec.vocabs[0].buckets = hash_count(made);
  spec.sources[0].missing = std::move(missing);
  return Trained(std::move(spec), "x\tother\n" + train);
}
inline ColumnSpec kind(ValueKind value, std::vector<Transform> transforms = {}) {
  return column("x", value, named({"x"}), std::move(transforms));
}
inline Transform fill_text(std::string text) {
  return transform(Kind::fill_text, std::move(text));
}

}  // namespace mtl::data::test
