// The way of files to a Dataset: plan the columns, stage the records, hold out a dev part, fit on train, encode.
#include "runtime/data/load.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "runtime/core/random.h"
#include "runtime/data/cache.h"
#include "runtime/data/fit.h"
#include "runtime/data/stage.h"
#include "runtime/data/suspicions.h"
#include "runtime/data/text.h"
#include "runtime/data/vectors.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

// One source on its way.
struct Work {
  const SourceSpec* spec = nullptr;
  SourcePlan plan;
  Staged train, dev, test;
  bool has_dev = false, has_test = false;
};

// What FileText::open takes.
std::string root_of(const LoadOptions& options) {
  if (!options.only_below) return "";
  return options.data_dir.empty() ? "." : options.data_dir;
}

void stage_file(const SourceSpec& source, SourceRange named, const std::string& path, const std::string& root,
                Stager& stager, SkipBudget& budget, diag::Emitter& emitter) {
  Rows rows(path, emitter, budget);
  const Sink sink{[&](const Layout& layout) { return stager.begin_rows(layout, rows); },
                  [&](const Record& record) { stager.add(record, rows); }};
  stager.begin_file(path);
  if (source.format == Format::lines) {
    const auto all = [](const ColumnSpec&) { return true; };
    read_lines(source, path, {all, all, named, root}, rows, sink, emitter);
    return;
  }
  const auto file = FileText::open(path, named, emitter, root);
  if (!file) return;
  read_records(read_settings(source), file->text(), rows, sink);
}

bool stage_files(const SourcePlan& plan, const std::vector<std::string>& files, bool is_train,
                 const LoadOptions& options, SkipBudget& budget, Interners& interners, Staged& out,
                 diag::Emitter& emitter) {
  const size_t errors = emitter.error_count();
  const SourceSpec& source = *plan.spec;
  const SourceRange named = &files == &source.dev    ? source.dev_range
                            : &files == &source.test ? source.test_range
                                                     : source.train_range;
  Stager stager(plan, interners, out);
  stager.set_options({.use = is_train ? FileUse::training : FileUse::evaluation, .finishes = true});
  for (const std::string& file : files) {
    if (options.progress) options.progress(file, 0);
    stage_file(*plan.spec, named, join_path(options.data_dir, file), root_of(options), stager, budget, emitter);
  }
  const bool all_keys = is_train && emitter.error_count() == errors;  // labels may be absent from the other splits
  stager.finish(all_keys, budget, emitter);
  return emitter.error_count() == errors;
}

// The examples in the order in which they are held out. A fixed pseudo-random one, whatever the seed of the training:
// the smallest hashes first; or the last rows of the files first, or those with the greatest value of a column (of
// equal ones the last; those without one never before others).
std::vector<uint32_t> order_to_hold_out(const SourcePlan& plan, const Staged& train) {
  const SourceSpec& source = *plan.spec;
  std::vector<uint32_t> order(static_cast<size_t>(train.examples));
  std::iota(order.begin(), order.end(), 0u);
  if (!source.holdout_last) {
    const auto hash = [](uint32_t example) { return runtime::mix64(example ^ 0x6D746C2D64657600ull); };
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return hash(a) < hash(b); });
    return order;
  }
  std::reverse(order.begin(), order.end());
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    if (source.holdout_by.empty() || plan.columns[c].spec->name != source.holdout_by) continue;
    const auto value = [&](uint32_t example) {
      const double number = train.columns[c].numbers[example];
      return std::isnan(number) ? -std::numeric_limits<double>::infinity() : number;
    };
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return value(a) > value(b); });
  }
  return order;
}

void hold_out(const SourcePlan& plan, int64_t count, Staged& train, Staged& dev) {
  const std::vector<uint32_t> order = order_to_hold_out(plan, train);
  std::vector<uint32_t> held(order.begin(), order.begin() + count), kept(order.begin() + count, order.end());
  std::sort(held.begin(), held.end());
  std::sort(kept.begin(), kept.end());
  dev = take_examples(plan, train, held);
  train = take_examples(plan, train, kept);
}

bool takes_dev_from_train(const SourceSpec& source) {
  return source.dev.empty() && (source.holdout_fraction > 0 || source.holdout_count > 0 || source.folds > 0);
}

bool make_dev(Work& work, diag::Emitter& emitter) {
  const SourceSpec& source = *work.spec;
  if (!takes_dev_from_train(source)) return true;
  const int64_t all = work.train.examples;
  int64_t count = source.holdout_count;
  if (source.holdout_fraction > 0) count = std::llround(source.holdout_fraction * static_cast<double>(all));
  const bool folds = count == 0 && source.holdout_fraction <= 0 && source.folds > 0;
  if (folds) count = all / source.folds;
  if (count < 1 || count >= all) {
    diag::Report report = folds && count < 1
                              ? emitter.report(diag::TooManyFolds, source.folds, source.folds, source.name, all)
                              : emitter.report(diag::HoldoutTooLarge, count, all, source.name);
    if (source.range.valid()) std::move(report).at(source.range);
    return false;
  }
  // Less than one of a hundred: was a share meant?
  if (source.holdout_count > 0 && count < 100 && count * 100 < all) {
    const std::string number = std::to_string(count), last = source.holdout_last ? "last(" : "";
    emitter.report(diag::FewHeldOut, source.name, count, all)
        .help("`holdout = " + last + number + "%" + (last.empty() ? "" : ")") + "` takes that share of them");
  }
  if (folds) emitter.report(diag::FoldHeldOut, source.name, source.folds, count, all);
  hold_out(work.plan, count, work.train, work.dev);
  work.has_dev = true;
  return true;
}

bool stage_source(Work& work, const LoadOptions& options, SkipBudget& budget, Interners& interners,
                  diag::Emitter& emitter) {
  const SourceSpec& source = *work.spec;
  auto plan = plan_source(source, emitter);
  if (!plan) return false;
  work.plan = std::move(*plan);
  const int64_t before = budget.skipped;
  bool good = stage_files(work.plan, source.train, true, options, budget, interners, work.train, emitter);
  if (good && work.train.examples == 0) {
    const auto skipped = static_cast<size_t>(budget.skipped - before);
    diag::Report report = emitter.report(diag::NoTrainExamples, source.name).at(source.range);
    if (skipped > 0) {
      std::move(report).note(count_of(skipped, "bad row") + (skipped == 1 ? " was" : " were") +
                             " skipped, and nothing is left");
    }
    good = false;
  }
  if (!source.dev.empty()) {
    work.has_dev = true;
    good = stage_files(work.plan, source.dev, false, options, budget, interners, work.dev, emitter) && good;
  }
  if (!source.test.empty() && options.need_test) {
    work.has_test = true;
    good = stage_files(work.plan, source.test, false, options, budget, interners, work.test, emitter) && good;
  }
  return good && make_dev(work, emitter);
}

// Words of all files that are not among the first `of_train` of the set.
void count_others(const Interner& texts, const IdSet& words, size_t of_train, VectorCoverage& coverage) {
  Interner seen;
  std::string folded;
  for (uint32_t i = 0; i < texts.size(); ++i) {
    std::string_view word = texts.text(i);
    if (words.lowercase) lower_text(word, folded), word = folded;
    const auto id = static_cast<size_t>(std::max(words.id_of(word), 0));
    const size_t before = seen.size();
    if ((id > 0 && id < of_train) || seen.add(word) < before) continue;
    ++coverage.others;
    coverage.others_found += id > 0;
  }
}

bool load_vectors(const Spec& spec, const LoadOptions& options, Interners& interners, Fitted& fitted,
                  diag::Emitter& emitter) {
  bool good = true;
  for (const VocabSpec& vocab : spec.vocabs) {
    if (vocab.embeddings.empty()) continue;
    IdSet& words = fitted.vocabs.at(vocab.name);
    const size_t of_train = words.size();
    auto vectors = read_vectors(join_path(options.data_dir, vocab.embeddings), vocab, words, emitter);
    good = good && vectors;
    if (!vectors) continue;
    count_others(interners["vocab " + vocab.name], words, of_train, vectors->coverage);
    fitted.vectors[vocab.name] = std::move(*vectors);
  }
  return good;
}

bool encode_source(const Work& work, const Fitted& fitted, const Interners& interners, Source& out,
                   diag::Emitter& emitter) {
  out.name = work.spec->name;
  out.has_dev = work.has_dev;
  out.has_test = work.has_test;
  bool good = encode(work.plan, work.train, fitted, interners, "train", out.train, emitter);
  if (out.has_dev) good = encode(work.plan, work.dev, fitted, interners, "dev", out.dev, emitter) && good;
  if (out.has_test) good = encode(work.plan, work.test, fitted, interners, "test", out.test, emitter) && good;
  return good;
}

void report_skipped(const SkipBudget& budget, diag::Emitter& emitter) {
  if (budget.skipped == 0) return;
  emitter.report(diag::BadRowsSkipped, count_of(static_cast<size_t>(budget.skipped), "bad row"))
      .in_file(budget.first_path, budget.first_line)
      .note("this is the first of them");
}

std::optional<Dataset> build(const Spec& spec, const LoadOptions& options, diag::Emitter& emitter) {
  SkipBudget budget{options.skip_bad_rows, 0, {}, 0};
  Interners interners;
  std::vector<Work> works(spec.sources.size());
  bool good = true;
  for (size_t s = 0; s < works.size(); ++s) {
    works[s].spec = &spec.sources[s];
    good = stage_source(works[s], options, budget, interners, emitter) && good;
  }
  if (!good) return std::nullopt;
  report_skipped(budget, emitter);
  Dataset out;
  std::vector<TrainPart> parts;
  for (const Work& work : works) parts.push_back({&work.plan, &work.train});
  if (!fit(spec, parts, interners, out.fitted, emitter)) return std::nullopt;
  if (!load_vectors(spec, options, interners, out.fitted, emitter)) return std::nullopt;
  for (const Work& work : works) {
    warn_of_same_files(*work.spec, options, emitter);
    warn_of_lost_digits(work.plan, work.train, emitter);
    warn_of_labels(work.plan, work.train, out.fitted, emitter);
    warn_of_one_sentence(work.plan, work.train, emitter);
  }
  for (const Work& work : works) {
    good = encode_source(work, out.fitted, interners, out.sources.emplace_back(), emitter) && good;
  }
  return good ? std::optional<Dataset>(std::move(out)) : std::nullopt;
}

}  // namespace

std::optional<Dataset> load(const Spec& spec, const LoadOptions& options, diag::Emitter& emitter) {
  if (options.cache_dir.empty()) return build(spec, options, emitter);
  const std::string key = cache_key(spec, options);
  const std::string path = cache_path(spec, options);
  if (auto cached = read_cache(path, key, spec)) {
    for (diag::Diagnostic& warning : cached->warnings) emitter.add(std::move(warning));
    return std::move(cached->dataset);
  }
  diag::Emitter own(emitter.sources());  // what the cache repeats is what was said about this data
  auto dataset = build(spec, options, own);
  std::vector<diag::Diagnostic> said = own.sorted();
  if (dataset) write_cache(path, key, *dataset, said);
  for (diag::Diagnostic& diagnostic : said) emitter.add(std::move(diagnostic));
  return dataset;
}

bool has_split(const SourceSpec& source, std::string_view split) {
  if (split == "train") return !source.train.empty();
  return split == "test" ? !source.test.empty() : !source.dev.empty() || takes_dev_from_train(source);
}

std::optional<Split> encode_split(const SourceSpec& source, std::string_view split, const Fitted& fitted,
                                  const LoadOptions& options, diag::Emitter& emitter) {
  auto plan = plan_source(source, emitter);
  if (!plan) return std::nullopt;
  Work work{&source, std::move(*plan), {}, {}, {}};
  const bool is_dev = split == "dev", from_train = split == "train" || (is_dev && source.dev.empty());
  const auto& files = from_train ? source.train : is_dev ? source.dev : source.test;
  SkipBudget budget{options.skip_bad_rows, 0, {}, 0};
  Interners interners;
  if (!stage_files(work.plan, files, from_train, options, budget, interners, work.train, emitter)) return std::nullopt;
  if (from_train && !make_dev(work, emitter)) return std::nullopt;
  report_skipped(budget, emitter);
  const Staged& staged = is_dev && from_train ? work.dev : work.train;
  Split out;
  if (!encode(work.plan, staged, fitted, interners, split, out, emitter)) return std::nullopt;
  return out;
}

}  // namespace mtl::data
