// What can stand in a `vocab` or `data` declaration: one row for each type, format, binding, transform and setting.
#pragma once
#include <optional>
#include <span>

#include "compiler/sema/entries.h"
#include "support/settings/data_spec.h"

namespace mtl::sema {

struct FormatRow : Entry {
  data::Format format = data::Format::conll;
};

struct ColumnTypeRow : Entry {
  data::ValueKind kind = data::ValueKind::number;
};

struct TransformRow : Entry {
  data::Transform::Kind kind = data::Transform::Kind::split;
};

std::span<const FormatRow> formats();
std::span<const ColumnTypeRow> column_types();
std::span<const Entry> bindings();
std::span<const TransformRow> transforms();
std::span<const Entry> data_settings();
std::span<const Entry> vocab_settings();
std::span<const Entry> category_settings();

}  // namespace mtl::sema
