#include "engine/pytorch_file/known_globals.h"

#include <map>
#include <string>

namespace kelvin {
namespace {

using Table = std::map<std::string, KnownGlobal, std::less<>>;

Table make_table() {
  Table table = {
      {"builtins.dict", {Role::dictionary}},
      {"collections.OrderedDict", {Role::dictionary}},
      {"collections.defaultdict", {Role::dictionary}},
      {"collections.Counter", {Role::dictionary}},
      {"torch._utils._rebuild_tensor", {Role::tensor}},
      {"torch._utils._rebuild_tensor_v2", {Role::tensor}},
      {"torch._utils._rebuild_tensor_v3", {Role::tensor}},
      {"torch._utils._rebuild_parameter", {Role::parameter}},
      {"torch._utils._rebuild_parameter_with_state", {Role::parameter}},
      {"torch.storage.UntypedStorage", {Role::storage, "U8", 1}},
  };
  for (const char* name : {"builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "torch.Size"})
    table[name] = {Role::sequence};
  for (const char* name : {"argparse.Namespace", "_codecs.encode", "builtins.bytearray", "builtins.complex",
                           "builtins.int", "builtins.float", "builtins.str", "builtins.bool", "torch.device",
                           "torch.Tensor", "numpy.dtype", "numpy.ndarray"})
    table[name] = {Role::passed_over};
  for (const std::string numpy : {"numpy.core.", "numpy._core."})
    for (const char* name : {"multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer"})
      table[numpy + name] = {Role::passed_over};
  for (const char* name : {"bool", "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64",
                           "Float16", "Float32", "Float64"})
    table["numpy.dtypes." + std::string(name) + "DType"] = {Role::passed_over};

  // torch.STORAGE (where one exists), torch.DTYPE
  struct Type {
    const char *storage, *torch, *dtype;
    unsigned bytes;
  };
  for (const Type& t : {Type{"Float", "float32", "F32", 4},
                        {"Double", "float64", "F64", 8},
                        {"Half", "float16", "F16", 2},
                        {"BFloat16", "bfloat16", "BF16", 2},
                        {"Long", "int64", "I64", 8},
                        {"Int", "int32", "I32", 4},
                        {"Short", "int16", "I16", 2},
                        {"Char", "int8", "I8", 1},
                        {"Byte", "uint8", "U8", 1},
                        {"Bool", "bool", "BOOL", 1},
                        {"ComplexFloat", "complex64", "C64", 8},
                        {"ComplexDouble", "complex128", "C128", 16},
                        {"", "complex32", "C32", 4},
                        {"", "uint16", "U16", 2},
                        {"", "uint32", "U32", 4},
                        {"", "uint64", "U64", 8},
                        {"", "float8_e5m2", "F8_E5M2", 1},
                        {"", "float8_e4m3fn", "F8_E4M3", 1},
                        {"", "float8_e8m0fnu", "F8_E8M0", 1},
                        {"", "float8_e5m2fnuz", "F8_E5M2FNUZ", 1},
                        {"", "float8_e4m3fnuz", "F8_E4M3FNUZ", 1}}) {
    table["torch." + std::string(t.torch)] = {Role::dtype, t.dtype, t.bytes};
    if (*t.storage != '\0') table["torch." + std::string(t.storage) + "Storage"] = {Role::storage, t.dtype, t.bytes};
  }
  return table;
}

}  // namespace

const KnownGlobal* find_global(std::string_view module, std::string_view name) {
  static const Table table = make_table();
  if (module == "__builtin__") module = "builtins";  // Python 2, and protocol 2 of Python 3
  const auto found = table.find(std::string(module) + "." + std::string(name));
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace kelvin
