// Freezing: what a trained model computes from its parameters alone is computed once, when the model is written out,
// and becomes a parameter itself. A product that follows the look-up of a token moves into the table before that:
// linear(gather(table, ids), w) is gather(linear(table, w), ids), and a sentence then looks its products up. That costs
// space (SNIPS' BiLSTM: 3.5 MB of weights become 18.7) and saves a third of the time of a single sentence.
//
// For programs whose weights no longer change (compiler/aot). Values are computed in double by the reference
// evaluation.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/ir/graph.h"

namespace mtl::passes {

struct FrozenParam {
  std::vector<int64_t> dims;
  std::vector<float> values;
  SourceRange range;  // the expression that it is the value of
};

class Freezer {
 public:
  // The values of a parameter or state, by path.
  using Weights = std::function<std::span<const float>(const std::string& path)>;
  // Frozen values take `budget` numbers in all; what does not fit is computed in the step, as before.
  Freezer(Weights weights, int64_t budget);

  // For prediction graphs; all dims must be constants. Graphs of one model share what they compute alike.
  ir::Graph run(const ir::Graph& graph);
  // By path, "frozen.encoder.lstm.weight_ih_l0": the first parameter that went into it.
  const std::map<std::string, FrozenParam>& params() const { return params_; }

 private:
  // What is the same in every graph: op, operands by number, attributes.
  using Key = std::tuple<const ops::OpDef*, std::vector<std::pair<size_t, uint32_t>>, ir::Attrs>;
  struct Fixed {
    std::vector<size_t> number;       // by node: who it is in every graph; 0: it depends on a row or on the step
    std::vector<std::string> source;  // by node: the first parameter that it depends on
  };
  Fixed find_fixed(const ir::Graph& graph);
  ir::Graph move_products(const ir::Graph& graph, const Fixed& fixed);
  std::vector<ir::Value> find_wanted(const ir::Graph& graph, const Fixed& fixed);
  void compute(const ir::Graph& graph, const Fixed& fixed, const std::vector<ir::Value>& wanted);
  std::string new_path(const std::string& source) const;

  Weights weights_;
  int64_t budget_;
  std::map<Key, size_t> numbers_;
  std::map<std::pair<size_t, uint32_t>, std::string> paths_;  // of frozen values
  std::map<std::string, FrozenParam> params_;
};

}  // namespace mtl::passes
