#pragma once
namespace mtl::runtime {
int usable_processors();
}
