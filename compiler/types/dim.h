// Sizes of dimensions: integer polynomials over atoms, in a normal form. Arithmetic saturates.
//
// An atom is a size that the data decides: "|atis.slots|", "|en|". While data is not loaded (`mtlc check`) it
// stays a symbol; once it is loaded the elaborator makes constants instead, and no such atom reaches the graph.
// (Capital dimensions of a signature are solved at each call, so they never appear here. Ragged dimensions are
// spaces, see type.h; their names are atoms, "T", where the length of one follows from others'.)
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mtl::types {

enum class Answer : uint8_t { yes, no, depends };  // of comparing two dims: depends on the data

class Dim {
 public:
  Dim() = default;
  Dim(int64_t value) { add_term({}, value); }
  static Dim atom(std::string name);

  std::optional<int64_t> constant() const;  // its value if no atom is left
  int64_t value() const;                    // MTL_CHECKs that it is constant
  Answer equals(const Dim& other) const;
  bool operator==(const Dim& other) const { return terms_ == other.terms_; }  // same normal form
  auto operator<=>(const Dim& other) const { return terms_ <=> other.terms_; }

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  // Exact quotient by a constant (or by an equal polynomial), if there is one.
  std::optional<Dim> divided_by(const Dim& other) const;

  // "T - 3" is its variable part "T" and its constant term -3.
  int64_t constant_term() const;
  Dim variable_part() const { return *this - Dim(constant_term()); }
  // With `size_of(atom)` in the place of each atom.
  template <class F>
  int64_t evaluate(F size_of) const {
    int64_t sum = 0;
    for (const auto& [atoms, coefficient] : terms_) {
      int64_t term = coefficient;
      for (const std::string& atom : atoms) term *= size_of(atom);
      sum += term;
    }
    return sum;
  }

  std::string text() const;  // "2 * |en| + 3", "128"

  // product of atoms (sorted, with repetition) -> coefficient; no zero coefficients
  using Terms = std::map<std::vector<std::string>, int64_t>;
  const Terms& terms() const& { return terms_; }
  Terms terms() && { return std::move(terms_); }  // of a temporary, in the head of a loop

 private:
  Terms terms_;
  void add_term(std::vector<std::string> atoms, int64_t coefficient);
};

Dim product(const std::vector<Dim>& dims);

}  // namespace mtl::types
