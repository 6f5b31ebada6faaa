// What the examples and answers of any package have in common, found by the names of their members. calls.cpp, which
// package_test writes for a package, has no more than the names.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace answers {

// ---- Examples: fields of texts. The field "" is a whole line.

using Cells = std::vector<std::string>;
using Record = std::map<std::string, Cells>;

inline Cells split(const std::string& text, char separator) {
  Cells out(1);
  for (const char c : text) {
    if (c == separator)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

// Lines "field TAB cell TAB cell ..."; an empty line ends a record.
inline std::vector<Record> read_records(const std::string& path) {
  std::vector<Record> records;
  Record record;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      records.push_back(std::move(record));
      record.clear();
      continue;
    }
    Cells cells = split(line, '\t');
    const std::string field = cells.front();
    cells.erase(cells.begin());
    record[field] = std::move(cells);
  }
  return records;
}

inline double number(const std::string& cell) {
  char* end = nullptr;
  const double value = std::strtod(cell.c_str(), &end);
  return cell.empty() || *end != '\0' ? std::nan("") : value;
}

inline void take(const Cells& cells, std::string& out) {
  out = cells.at(0);
}
inline void take(const Cells& cells, double& out) {
  out = number(cells.at(0));
}
inline void take(const Cells& cells, bool& out) {
  out = cells.at(0) == "true";
}
inline void take(const Cells& cells, std::vector<std::string>& out) {
  out = cells;
}
inline void take(const Cells& cells, std::vector<double>& out) {
  out.clear();
  for (const std::string& cell : cells) out.push_back(number(cell));
}
template <size_t kCount>
void take(const Cells& cells, std::array<double, kCount>& out) {
  for (size_t i = 0; i < kCount; ++i) out[i] = number(cells.at(i));
}
template <size_t kCount>
void take(const Cells& cells, std::array<bool, kCount>& out) {
  for (size_t i = 0; i < kCount; ++i) out[i] = cells.at(i) == "true";
}
template <size_t kCount>
void take(const Cells& cells, std::array<std::string, kCount>& out) {
  for (size_t i = 0; i < kCount; ++i) out[i] = cells.at(i);
}
inline void take(const Cells& cells, std::vector<std::vector<std::string>>& out) {
  out.clear();
  for (const std::string& cell : cells) out.push_back(split(cell, '\x1f'));
}

// The same field for the C interface; pointers of texts live in `keep`.
using Keep = std::deque<std::vector<const char*>>;
inline void lend(const std::string& from, const char*& to) {
  to = from.c_str();
}
inline void lend(double from, double& to) {
  to = from;
}
inline void lend(bool from, int& to) {
  to = from ? 1 : 0;
}
template <size_t kCount>
void lend(const std::array<double, kCount>& from, double (&to)[kCount]) {
  for (size_t i = 0; i < kCount; ++i) to[i] = from[i];
}
template <size_t kCount>
void lend(const std::array<bool, kCount>& from, int (&to)[kCount]) {
  for (size_t i = 0; i < kCount; ++i) to[i] = from[i] ? 1 : 0;
}
template <size_t kCount>
void lend(const std::array<std::string, kCount>& from, const char* (&to)[kCount]) {
  for (size_t i = 0; i < kCount; ++i) to[i] = from[i].c_str();
}
inline void lend(const std::vector<std::string>& from, const char* const*& to, size_t& count, Keep& keep) {
  keep.emplace_back();
  for (const std::string& text : from) keep.back().push_back(text.c_str());
  to = keep.back().data();
  count = from.size();
}
inline void lend(const std::vector<double>& from, const double*& to, size_t& count, Keep&) {
  to = from.data();
  count = from.size();
}

// ---- Answers, in one form.

struct Flat {
  Cells labels;
  std::vector<double> numbers, probability, scores, spans, offsets;
  Cells span_labels;
  size_t skipped = 0;
};

#define MTL_MEMBER(member)                  \
  template <class Answer, class = void>     \
  struct has_##member : std::false_type {}; \
  template <class Answer>                   \
  struct has_##member<Answer, std::void_t<decltype(std::declval<const Answer&>().member)>> : std::true_type {}
MTL_MEMBER(label);
MTL_MEMBER(labels);
MTL_MEMBER(value);
MTL_MEMBER(values);
MTL_MEMBER(probability);
MTL_MEMBER(scores);
MTL_MEMBER(spans);
MTL_MEMBER(offsets);
MTL_MEMBER(count);
MTL_MEMBER(skipped);
#undef MTL_MEMBER

// Numbers of a member: one, an array of its own, or `count` behind a pointer.
template <class Member>
void append(std::vector<double>& out, const Member& member, size_t count) {
  if constexpr (std::is_arithmetic_v<Member>) {
    out.push_back(static_cast<double>(member));
  } else if constexpr (std::is_pointer_v<Member>) {
    for (size_t i = 0; i < count; ++i) out.push_back(static_cast<double>(member[i]));
  } else {
    for (const auto x : member) out.push_back(static_cast<double>(x));
  }
}

template <class T>
struct is_truth : std::disjunction<std::is_same<T, bool>, std::is_same<T, int>, std::is_same<T, std::vector<bool>>> {};
template <class T, size_t kCount>
struct is_truth<std::array<T, kCount>> : is_truth<T> {};
template <class T, size_t kCount>
struct is_truth<T[kCount]> : is_truth<T> {};

// `value` or `values`: truths count as labels.
template <class Member>
void append_values(Flat& out, const Member& member, size_t count) {
  std::vector<double> numbers;
  append(numbers, member, count);
  constexpr bool kTruth = is_truth<Member>::value;
  for (const double x : numbers) {
    if constexpr (kTruth)
      out.labels.emplace_back(x != 0 ? "true" : "false");
    else
      out.numbers.push_back(x);
  }
}

// Begin and end in the text, by position: of ranges, or of `count` pairs behind a pointer, which may be NULL.
template <class Member>
void append_offsets(std::vector<double>& out, const Member& member, size_t count) {
  if constexpr (std::is_pointer_v<Member>) {
    for (size_t i = 0; member != nullptr && i < 2 * count; ++i) out.push_back(static_cast<double>(member[i]));
  } else {
    for (const auto& range : member) {
      out.push_back(static_cast<double>(range.begin));
      out.push_back(static_cast<double>(range.end));
    }
  }
}

// `name_of`: the name of a label. `width`: scores of a position, behind a pointer.
template <class Answer, class NameOf>
Flat flat(const Answer& a, NameOf name_of, size_t width) {
  Flat out;
  size_t count = 0;
  if constexpr (has_count<Answer>::value) count = a.count;
  if constexpr (has_skipped<Answer>::value) out.skipped = static_cast<size_t>(a.skipped);
  if constexpr (has_label<Answer>::value) out.labels.emplace_back(name_of(a.label));
  if constexpr (has_labels<Answer>::value) {
    if constexpr (has_count<Answer>::value) {
      for (size_t i = 0; i < count; ++i) out.labels.emplace_back(name_of(a.labels[i]));
    } else {
      for (const auto label : a.labels) out.labels.emplace_back(name_of(label));
    }
  }
  if constexpr (has_value<Answer>::value) append_values(out, a.value, 1);
  if constexpr (has_values<Answer>::value) append_values(out, a.values, count);
  if constexpr (has_probability<Answer>::value)
    append(out.probability, a.probability, has_labels<Answer>::value ? count * width : count);
  if constexpr (has_offsets<Answer>::value) append_offsets(out.offsets, a.offsets, count);
  if constexpr (has_scores<Answer>::value) append(out.scores, a.scores, count * width);
  if constexpr (has_spans<Answer>::value) {
    for (const auto& span : a.spans) {
      out.spans.push_back(static_cast<double>(span.begin));
      out.spans.push_back(static_cast<double>(span.end));
      if constexpr (has_offsets<std::decay_t<decltype(span)>>::value) {
        if (span.offsets.end > 0) out.spans.push_back(static_cast<double>(span.offsets.begin));
        if (span.offsets.end > 0) out.spans.push_back(static_cast<double>(span.offsets.end));
      }
      out.span_labels.emplace_back(span.label);
    }
  }
  return out;
}

inline bool close(const std::vector<double>& a, const std::vector<double>& b, double tolerance = 1e-5) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool both = std::isnan(a[i]) && std::isnan(b[i]);
    if (!both && !(std::fabs(a[i] - b[i]) <= tolerance * std::fmax(1.0, std::fabs(b[i])))) return false;
  }
  return true;
}

// `b` may lack what the C interface does not give.
inline void want_same(const Flat& a, const Flat& b, const std::string& what) {
  const char* part = nullptr;
  if (!b.labels.empty() && a.labels != b.labels) part = "labels";
  if (!b.offsets.empty() && a.offsets != b.offsets) part = "offsets";
  if (a.skipped != b.skipped) part = "skipped";
  // In the units of the data, which are up to a hundred times those that the model computes in.
  if (!close(a.numbers, b.numbers, 1e-4)) part = "numbers";
  if (!close(a.probability, b.probability)) part = "probability";
  if (!close(a.scores, b.scores)) part = "scores";
  if (part != nullptr) throw std::runtime_error(what + " differs in its " + part);
}

// ---- Running

using Output = std::vector<std::map<std::string, Flat>>;  // by example, by task

// The C interface's answers to examples, by their number.
template <class CContext, class CExample, class CAnswer>
auto through_c(CContext* context, const std::vector<CExample>& examples,
               int (*call)(CContext*, const CExample*, CAnswer*), const char* (*class_name)(int32_t),
               const char* (*error)(const CContext*), size_t width) {
  return [=, &examples](size_t i) {
    CAnswer answer;
    if (call(context, &examples[i], &answer) != 0) throw std::runtime_error(error(context));
    return flat(
        answer, [=](int32_t label) { return std::string(class_name == nullptr ? "" : class_name(label)); }, width);
  };
}

// A task's answers to all examples at once; one by one and through the C interface they have to be the same.
template <class Examples, class Many, class One, class ThroughC>
std::vector<Flat> run_task(const Examples& examples, Many many, One one, ThroughC c, size_t width) {
  const auto name_of = [](auto label) {
    if constexpr (std::is_enum_v<decltype(label)>)
      return std::string(name(label));
    else
      return std::string();
  };
  std::vector<decltype(one(examples[0]))> all(examples.size());
  many(examples.data(), examples.size(), all.data());
  std::vector<Flat> out;
  for (size_t i = 0; i < examples.size(); ++i) {
    out.push_back(flat(all[i], name_of, width));
    want_same(out[i], flat(one(examples[i]), name_of, width), "example " + std::to_string(i) + ", alone,");
    if constexpr (!std::is_null_pointer_v<ThroughC>)
      want_same(out[i], c(i), "example " + std::to_string(i) + ", through the C interface,");
  }
  return out;
}

// Of an answer to all tasks, the one to a task has to be what the task alone says.
template <class Answer>
void want_same_of_all(const Flat& alone, const Answer& of_all, size_t width) {
  want_same(alone,
            flat(
                of_all, [](auto label) { return std::string(name(label)); }, width),
            "an answer to all tasks");
}

// ---- Output: a JSON object for each example

inline void write_text(std::ostream& out, const std::string& text) {
  out << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out << '\\';
    out << c;
  }
  out << '"';
}
inline void write(std::ostream& out, const char* name, const std::vector<double>& values) {
  out << '"' << name << "\":[";
  const char* comma = "";
  for (const double value : values) {
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", value);
    out << std::exchange(comma, ",") << (std::isfinite(value) ? text : "null");
  }
  out << ']';
}
inline void write(std::ostream& out, const char* name, const Cells& texts) {
  out << '"' << name << "\":[";
  const char* comma = "";
  for (const std::string& text : texts) {
    out << std::exchange(comma, ",");
    write_text(out, text);
  }
  out << ']';
}

inline void write(std::ostream& out, const Output& output) {
  for (const auto& tasks : output) {
    const char* comma = "{";
    for (const auto& [name, answer] : tasks) {
      out << std::exchange(comma, ",");
      write_text(out, name);
      write(out << ":{", "labels", answer.labels);
      write(out << ',', "numbers", answer.numbers);
      write(out << ',', "probability", answer.probability);
      write(out << ',', "scores", answer.scores);
      write(out << ',', "spans", answer.spans);
      write(out << ',', "offsets", answer.offsets);
      write(out << ',', "span_labels", answer.span_labels);
      out << ",\"skipped\":" << answer.skipped;
      out << '}';
    }
    out << "}\n";
  }
}

}  // namespace answers
