// The body of a balancer: `N` counts the tasks of the step, and a parameter or state that begins with it has a copy for
// each of them, so that the copies of tasks that are absent from a step rest.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

struct Balancing {
  std::string dimension;                                 // `N` of `losses: f32[N]`
  std::vector<TaskState*> tasks;                         // of the step, in file order
  std::vector<ir::Value> present;                        // by task: whether a row of the batch counts for it
  std::map<ir::Value, std::vector<ir::Value>> copies;    // of a state that begins with `N`, by task
  std::vector<std::pair<ir::Value, ir::Value>> updates;  // a state and its next value
  std::vector<ir::Value> penalties;                      // one number each
};

// Whether a type begins with `N`. False after a report, too: it has `N` further behind.
bool counts_tasks(BodyContext& ctx, const Balancing& balancing, const syntax::TypeExpr& type, Frame& frame);
// The stack of a parameter or state that each task has for itself. No gradient reaches the copy of a task for which no
// row of the batch counts.
Value for_each_task(BodyContext& ctx, const PlacePtr& place, const std::vector<Dim>& dims, const Value& init,
                    bool state, const At& at);
// `value` where the task has rows in the batch, `other` where it has none.
ir::Value if_present(BodyContext& ctx, ir::Value present, ir::Value value, ir::Value other, const At& at);
ir::Value part_of_task(BodyContext& ctx, ir::Value stacked, size_t task, const At& at);

}  // namespace mtl::elaborate
