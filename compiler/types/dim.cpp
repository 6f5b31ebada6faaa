// Arithmetic on polynomial sizes, their comparison and their text. See dim.h.
#include "compiler/types/dim.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "support/base/check.h"

namespace mtl::types {

namespace {
// Sizes stop at the largest number instead of wrapping round: whoever compares them with a limit sees that they are
// too large. -kLargest is the least, so that every size has a negative.
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

int64_t sum_of(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return a < 0 ? -kLargest : kLargest;
  return std::max(sum, -kLargest);
}

int64_t product_of(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return (a < 0) != (b < 0) ? -kLargest : kLargest;
  return std::max(product, -kLargest);
}
}  // namespace

Dim Dim::atom(std::string name) {
  Dim dim;
  dim.add_term({std::move(name)}, 1);
  return dim;
}

void Dim::add_term(std::vector<std::string> atoms, int64_t coefficient) {
  if (coefficient == 0) return;
  std::sort(atoms.begin(), atoms.end());
  auto [at, is_new] = terms_.try_emplace(std::move(atoms), 0);
  at->second = sum_of(at->second, coefficient);
  if (at->second == 0) terms_.erase(at);
}

std::optional<int64_t> Dim::constant() const {
  if (terms_.empty()) return 0;
  if (terms_.size() == 1 && terms_.begin()->first.empty()) return terms_.begin()->second;
  return std::nullopt;
}

int64_t Dim::constant_term() const {
  const auto found = terms_.find({});
  return found == terms_.end() ? 0 : found->second;
}

int64_t Dim::value() const {
  const std::optional<int64_t> value = constant();
  MTL_CHECK(value.has_value(), "a dimension that the data decides where a constant is needed: " + text());
  return *value;
}

// `depends` unless no sizes can make the two equal: the difference is a constant, or all its atoms (which are never
// negative) push it away from zero, or their coefficients have a common divisor that the constant lacks.
Answer Dim::equals(const Dim& other) const {
  const Dim difference = *this - other;
  if (difference.terms_.empty()) return Answer::yes;
  int64_t constant = 0, divisor = 0;
  bool any_positive = false, any_negative = false;
  for (const auto& [atoms, coefficient] : difference.terms_) {
    if (atoms.empty()) {
      constant = coefficient;
      continue;
    }
    divisor = std::gcd(divisor, coefficient);
    (coefficient > 0 ? any_positive : any_negative) = true;
  }
  if (divisor == 0 || constant % divisor != 0) return Answer::no;
  if (constant > 0 && !any_negative) return Answer::no;
  if (constant < 0 && !any_positive) return Answer::no;
  return Answer::depends;
}

Dim operator+(const Dim& a, const Dim& b) {
  Dim sum = a;
  for (const auto& [atoms, coefficient] : b.terms_) sum.add_term(atoms, coefficient);
  return sum;
}

Dim operator-(const Dim& a, const Dim& b) {
  Dim difference = a;
  for (const auto& [atoms, coefficient] : b.terms_) difference.add_term(atoms, -coefficient);
  return difference;
}

Dim operator*(const Dim& a, const Dim& b) {
  Dim product;
  for (const auto& [left, x] : a.terms_) {
    for (const auto& [right, y] : b.terms_) {
      std::vector<std::string> atoms = left;
      atoms.insert(atoms.end(), right.begin(), right.end());
      product.add_term(std::move(atoms), product_of(x, y));
    }
  }
  return product;
}

// The quotient has to be one term (all that shapes ask for): the ratio of the two last terms, confirmed by
// multiplying back; or, for a divisor of one term, the sum of the ratios of all terms.
std::optional<Dim> Dim::divided_by(const Dim& other) const {
  if (other.terms_.empty()) return std::nullopt;
  if (terms_.empty()) return Dim(0);
  const auto ratio = [](const auto& a, const auto& b) -> std::optional<Dim> {
    if (a.second % b.second != 0) return std::nullopt;
    if (!std::includes(a.first.begin(), a.first.end(), b.first.begin(), b.first.end())) return std::nullopt;
    std::vector<std::string> atoms;
    std::set_difference(a.first.begin(), a.first.end(), b.first.begin(), b.first.end(), std::back_inserter(atoms));
    Dim quotient;
    quotient.add_term(std::move(atoms), a.second / b.second);
    return quotient;
  };
  Dim quotient;
  if (other.terms_.size() == 1) {
    for (const auto& term : terms_) {
      const std::optional<Dim> part = ratio(term, *other.terms_.begin());
      if (!part) return std::nullopt;
      quotient = quotient + *part;
    }
    return quotient;
  }
  for (const auto& candidate : terms_) {
    const std::optional<Dim> part = ratio(candidate, *other.terms_.rbegin());
    if (part && *part * other == *this) return part;
  }
  return std::nullopt;
}

std::string Dim::text() const {
  if (terms_.empty()) return "0";
  std::vector<std::pair<std::vector<std::string>, int64_t>> ordered(terms_.begin(), terms_.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::string text;
  for (const auto& [atoms, coefficient] : ordered) {
    const int64_t size = coefficient < 0 ? -coefficient : coefficient;
    if (!text.empty()) {
      text += coefficient < 0 ? " - " : " + ";
    } else if (coefficient < 0) {
      text += "-";
    }
    bool first = true;
    if (size != 1 || atoms.empty()) {
      text += std::to_string(size);
      first = false;
    }
    for (const std::string& atom : atoms) {
      if (!first) text += " * ";
      text += atom;
      first = false;
    }
  }
  return text;
}

Dim product(const std::vector<Dim>& dims) {
  Dim result = 1;
  for (const Dim& dim : dims) result = result * dim;
  return result;
}

}  // namespace mtl::types
