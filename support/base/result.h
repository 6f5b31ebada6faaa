// A value or the reason why there is none. We throw no exceptions; functions that can fail for a reason that
// their caller has to word (a shape rule, a file that is not there) return a Result.
#pragma once
#include <utility>
#include <variant>

#include "support/base/check.h"

namespace mtl {

template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return state_.index() == 0; }
  T& value() {
    MTL_CHECK(state_.index() == 0, "value() of a failed Result");
    return std::get<0>(state_);
  }
  const T& value() const {
    MTL_CHECK(state_.index() == 0, "value() of a failed Result");
    return std::get<0>(state_);
  }
  const E& error() const {
    MTL_CHECK(state_.index() == 1, "error() of a good Result");
    return std::get<1>(state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, E> state_;
};

}  // namespace mtl
