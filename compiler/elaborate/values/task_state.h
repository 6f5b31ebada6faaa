// What is known of a task while its head and its loss are computed; TaskInfo is copied out at the end.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/elaborate/values/frame.h"

namespace mtl::elaborate {

struct TaskState {
  const syntax::TaskDecl* decl = nullptr;
  TaskInfo info;
  Frame frame;
  enum class Stage : uint8_t { fresh, running, done, failed } stage = Stage::fresh;
  std::map<std::string, const syntax::Expr*> settings;
  Value head;  // as written
  const syntax::Expr* head_expr = nullptr;
  ir::Value scores;        // after the shape check
  ir::Value target, mask;  // of the target column: cleaned values, 1 where it is labelled
  ir::Value when;          // 1 where it counts; invalid: everywhere
  types::Type target_type;
  IdSetPtr target_set;
  ir::Value predict, loss;
  ir::Value weighted;  // `loss` as it enters the objective
  ir::Value count;     // how many rows `loss` is the mean of
  ir::Value weight;    // of each of them, if that is not the same always
  bool judged = false, judging = false;
  bool reading_loss = false;  // columns read now count as missing where they are NaN
  std::vector<ir::Value> loss_masks;
  SourceRange criterion;                                  // where `loss` names the one that is being applied
  std::map<std::string, std::vector<SourceRange>> reads;  // where columns are read, by name
  std::vector<const syntax::Stmt*> penalties;             // and monitors of its block: they may read head and target
  std::vector<const TaskState*> answers;                  // tasks whose `answer` is read
};

}  // namespace mtl::elaborate
