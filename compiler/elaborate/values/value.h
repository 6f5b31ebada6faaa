// What an expression of a body can be while the graph is built: numbers known now, tensors of the graph, dimensions,
// layers, lists and records of these. See elaborator.h for who computes with them.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "compiler/ir/graph.h"
#include "compiler/sema/checked.h"
#include "compiler/sema/primitives.h"
#include "compiler/sema/statics.h"

namespace mtl::elaborate {

using sema::StaticValue;
using types::Dim;
using types::SpaceId;

// Which set an id belongs to. Ids of one set do not fit the table of another.
struct IdSet {
  std::string key;   // "vocab en", "column atis.slots"; empty: plain positions, which fit any table
  std::string text;  // for messages: "vocabulary `en`"
  Dim size;
  std::optional<SpaceId> ragged;  // positions in a ragged dimension: the size is its length
  bool constant = false;          // numbers of the program: ids below `size`, which fit any table that is as long
  bool classes = false;           // of a label column: a table has an entry for each class, and no more
};
using IdSetPtr = std::shared_ptr<const IdSet>;
// Of an op that answers with places: "`argmax`".
IdSetPtr set_of_op(const std::string& name, Dim size);
// What to write where ids stand and numbers are needed.
std::string numbers_of_ids(const IdSetPtr& set);

// A name of a signature for a static dimension, in one call. See dim_names.cpp.
struct DimName {
  uint32_t call = 0;
  uint32_t number = 0;
  auto operator<=>(const DimName&) const = default;
};
// What a dimension of size 1 has that is no literal 1.
inline constexpr DimName kHappensToBeOne = {0, 1};
// Of each static dimension, aligned at the right: the names that it was matched by; those in front that are missing,
// and those without a name, are not known.
using DimNames = std::vector<std::set<DimName>>;

struct Tensor {
  ir::Value node;
  IdSetPtr ids;    // the values are ids of this set
  IdSetPtr table;  // the first dimension is indexed by ids of this set
  DimNames dims = {};
};

// A ragged dimension by name, `T`. (A static one is a StaticValue.)
struct RaggedDim {
  SpaceId space = 0;
};

// Where a layer or parameter hangs in the tree of owners; its path is made of the names on the way down.
struct Place;
using PlacePtr = std::shared_ptr<const Place>;
struct Place {
  PlacePtr parent;  // null: the root of the model
  std::string name;
  syntax::Owner word = syntax::Owner::enclosing;
  SourceRange range;
  bool task = false;     // the block of a task: its layers are the task's own
  bool unnamed = false;  // a description applied where it stands
  std::string written;   // then: as what; the place's name may have a number
  std::string function;  // the title of the function that describes it: it may not own parameters
  bool wrapper = false;  // of a module that `wrap` puts around the parent
  bool in_loop = false;  // declared or applied inside `for` or a list: may not own parameters
};

struct Value;
struct Layer;
using LayerPtr = std::shared_ptr<const Layer>;
using ListPtr = std::shared_ptr<const std::vector<Value>>;
struct Record;
using RecordPtr = std::shared_ptr<const Record>;

// Something that can be called by name.
struct Callable {
  const sema::Found* decl = nullptr;           // a module, function or criterion, or
  const sema::Primitive* primitive = nullptr;  // a primitive, or
  std::string static_function;                 // an initializer or a function of static values
  std::string name() const;
};

struct Poison {};  // something was reported; every use is silent
struct TaskRef {   // `pos` in pos.head
  size_t index = 0;
};
struct SourceRef {  // `atis` in atis.words
  std::string name;
};
struct FileRef {  // `sequence` in sequence.lstm; `ops` in ops.lstm
  std::string name;
};
struct PathRef {  // `word.weight`: below a declared layer
  PlacePtr place;
};
struct FromLabels {  // the first values of a state that the labels of a task decide
  Init init;
};
// f32[3, T, D]: a dimension in front of ragged ones, as its parts; see stacks.cpp.
struct Stack {
  ListPtr parts;  // at least one; of one shape, with a ragged dimension
};
// f32[D, T]: the transpose of a sequence. Rows have their ragged dimensions in front, so it is only a word for how the
// sequence enters a matrix product; see transposed.cpp.
struct Transposed {
  Tensor sequence;
};
struct Vectors {       // the initializer that starts a table from its vocabulary's `embeddings`
  StaticValue others;  // of rows without a vector: an initializer
};

struct Value {
  std::variant<Poison, StaticValue, Tensor, RaggedDim, LayerPtr, Callable, ListPtr, RecordPtr, TaskRef, SourceRef,
               FileRef, PathRef, Stack, Transposed, Vectors, FromLabels>
      v;
  SourceRange range;
  std::optional<DimName> dimension;  // a size as a signature's name: `over = D` means that one, not number 64
  bool literal = false;              // an int as it is written: `1` repeats, a size that happens to be 1 does not
  int list_depth = 0;                // of a ListPtr: how deep lists and layers are nested in it

  Value() = default;
  template <class T>
  Value(T value, SourceRange where = {}) : v(std::move(value)), range(where) {}

  bool poisoned() const { return std::holds_alternative<Poison>(v); }
  const StaticValue* as_static() const { return std::get_if<StaticValue>(&v); }
  const Tensor* tensor() const { return std::get_if<Tensor>(&v); }
  const LayerPtr* layer() const { return std::get_if<LayerPtr>(&v); }
  const Callable* callable() const { return std::get_if<Callable>(&v); }
  const char* kind() const;  // "a number", "a layer", for messages
  int depth() const;         // how deep lists and layers are nested in it
};

// Null: it is none.
inline const Stack* stack_in(const Value& value) {
  return std::get_if<Stack>(&value.v);
}

struct Record {
  std::vector<std::pair<std::string, Value>> fields;
  const Value* find(const std::string& name) const;
};

std::string named_results(const Record& record);  // "there are `left`, `right`"

struct Argument {
  std::string name;  // empty: by position
  Value value;
  SourceRange range;            // of the value
  SourceRange name_range = {};  // invalid by position
};

// A layer as a value. Descriptions have no place yet; instances have.
struct Layer {
  enum class Kind : uint8_t {
    description,  // linear(8): a module or criterion with its static arguments
    instance,     // the same, declared: it has a place
    composition,  // parts, from left to right
    partial,      // a function or primitive that lacks its first input
    array         // parts by index, or by the word of `words`
  } kind = Kind::description;
  const sema::Found* module = nullptr;
  std::map<std::string, Value> statics;
  Callable callable;
  std::vector<Argument> arguments;
  std::vector<LayerPtr> parts;
  std::vector<std::string> words;  // of an array made from a list of strings: they name its parts
  PlacePtr place;
  // Of a description that came as the argument of a module: where it becomes a layer if the module applies it.
  PlacePtr argument_place;
  std::string stream;  // of random numbers, if not the layer's own: see resample
  SourceRange range;
  std::string function;      // the title of the function in whose body it is described
  int depth = 0;             // how deep layers and lists are nested in it; see set_depth()
  std::string name() const;  // "linear"
  void set_depth();
};

// True if a description is in it that a declaration would have to give a place.
bool has_description(const Layer& layer);
// The layer with `stream` behind its own; itself if that is empty.
LayerPtr with_stream(const LayerPtr& layer, const std::string& stream);

}  // namespace mtl::elaborate
