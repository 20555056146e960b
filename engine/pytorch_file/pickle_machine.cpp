#include "engine/pytorch_file/pickle_machine.h"

#include <charconv>

#include "engine/printable.h"
#include "engine/pytorch_file/pickle_calls.h"

namespace kelvin {
namespace {

constexpr std::uint64_t kMostOperations = 4'000'000;

class PickleMachine {
 public:
  explicit PickleMachine(PickleInput& input) : in_(input), stack_(input) {}

  Pickle run() {
    for (std::uint8_t op = next(); op != '.'; op = next())  // STOP
      if (!read_constant(op) && !read_container(op) && !read_call(op) && !use_memo(op))
        throw stack_.damaged(str("operation ", int{op}, ", which torch.save does not write"));
    return stack_.take();
  }

 private:
  std::uint8_t next() {
    spend(1);
    return in_.number<std::uint8_t>();
  }
  void spend(std::uint64_t operations) {
    operations_ += operations;
    if (operations_ > kMostOperations) throw stack_.damaged(str("more than ", kMostOperations, " operations"));
  }

  // Each of these functions says whether the operation was one of its own.

  bool read_constant(std::uint8_t op) {
    switch (op) {
      case 0x80: skip(1); break;                                   // PROTO
      case 0x95: skip(8); break;                                   // FRAME
      case 'N': stack_.push_value(PickledData{}); break;           // NONE
      case 0x88: stack_.push_value(true); break;                   // NEWTRUE
      case 0x89: stack_.push_value(false); break;                  // NEWFALSE
      case 'J': push_integer(in_.number<std::int32_t>()); break;   // BININT
      case 'K': push_integer(in_.number<std::uint8_t>()); break;   // BININT1
      case 'M': push_integer(in_.number<std::uint16_t>()); break;  // BININT2
      case 0x8a: push_long(in_.number<std::uint8_t>()); break;     // LONG1
      case 'I': push_decimal(in_.line()); break;                   // INT, of Python 2 beyond 32 bits
      case 'G': push_data(8); break;                               // BINFLOAT
      case 'U':                                                    // SHORT_BINSTRING, of Python 2
      case 0x8c: push_text(in_.number<std::uint8_t>()); break;     // SHORT_BINUNICODE
      case 'T':                                                    // BINSTRING, of Python 2
      case 'X': push_text(in_.number<std::uint32_t>()); break;     // BINUNICODE
      case 0x8d: push_text(in_.number<std::uint64_t>()); break;    // BINUNICODE8
      case 'C': push_data(in_.number<std::uint8_t>()); break;      // SHORT_BINBYTES
      case 'B': push_data(in_.number<std::uint32_t>()); break;     // BINBYTES
      case 0x8e:                                                   // BINBYTES8
      case 0x96: push_data(in_.number<std::uint64_t>()); break;    // BYTEARRAY8
      default: return false;
    }
    return true;
  }
  void skip(std::uint64_t bytes) { (void)in_.text(bytes); }
  void push_integer(std::int64_t value) { stack_.push_value(value); }
  void push_text(std::uint64_t size) { stack_.push_value(in_.text(size)); }
  void push_data(std::uint64_t size) {
    skip(size);
    stack_.push_value(PickledData{});
  }
  void push_decimal(const std::string& line) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || end != line.data() + line.size()) throw stack_.damaged("expected an integer");
    push_integer(value);
  }
  // Two's complement, little-endian. What 64 bits do not hold is no size, so it is passed over.
  void push_long(std::uint8_t size) {
    if (size > 8) return push_data(size);
    const std::string bytes = in_.text(size);
    std::uint64_t value = size > 0 && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{} : 0;
    std::memcpy(&value, bytes.data(), size);
    push_integer(static_cast<std::int64_t>(value));
  }

  bool read_container(std::uint8_t op) {
    switch (op) {
      case '(': stack_.mark(); break;                           // MARK
      case '0': (void)stack_.pop(); break;                      // POP
      case '1': (void)stack_.pop_to_mark(); break;              // POP_MARK
      case ']':                                                 // EMPTY_LIST
      case ')':                                                 // EMPTY_TUPLE
      case 0x8f: stack_.push_value(PickledSequence{}); break;   // EMPTY_SET
      case '}': stack_.push_value(PickledDictionary{}); break;  // EMPTY_DICT
      case 0x85:                                                // TUPLE1, TUPLE2, TUPLE3
      case 0x86:
      case 0x87: stack_.push_value(PickledSequence{stack_.pop(op - 0x84u)}); break;
      case 't':                                                                    // TUPLE
      case 0x91: stack_.push_value(PickledSequence{stack_.pop_to_mark()}); break;  // FROZENSET
      case 'a': stack_.append(stack_.pop(1)); break;                               // APPEND
      case 'e':                                                                    // APPENDS
      case 0x90: stack_.append(stack_.pop_to_mark()); break;                       // ADDITEMS
      case 's': stack_.set_items(stack_.pop(2)); break;                            // SETITEM
      case 'u': stack_.set_items(stack_.pop_to_mark()); break;                     // SETITEMS
      default: return false;
    }
    return true;
  }

  bool use_memo(std::uint8_t op) {
    switch (op) {
      case 'q': stack_.remember(in_.number<std::uint8_t>()); break;   // BINPUT
      case 'r': stack_.remember(in_.number<std::uint32_t>()); break;  // LONG_BINPUT
      case 0x94: stack_.remember_next(); break;                       // MEMOIZE
      case 'h': stack_.recall(in_.number<std::uint8_t>()); break;     // BINGET
      case 'j': stack_.recall(in_.number<std::uint32_t>()); break;    // LONG_BINGET
      default: return false;
    }
    return true;
  }

  bool read_call(std::uint8_t op) {
    switch (op) {
      case 'c': {  // GLOBAL
        const std::string module = in_.line();
        push_global(module, in_.line());
        break;
      }
      case 0x93: {  // STACK_GLOBAL
        const PickleHandles names = stack_.pop(2);
        push_global(stack_.get<std::string>(names[0], "a module"), stack_.get<std::string>(names[1], "a name"));
        break;
      }
      case 0x81:   // NEWOBJ
      case 'R': {  // REDUCE
        const PickleHandles called = stack_.pop(2);
        const PickleHandles& arguments = stack_.get<PickledSequence>(called[1], "arguments").items;
        spend(arguments.size());  // they may be read again and again
        if (!arguments.empty())
          if (const auto* const list = stack_.pickle().as<PickledSequence>(arguments[0])) spend(list->items.size());
        push_result(stack_, *stack_.get<const KnownGlobal*>(called[0], "a name to call"), arguments);
        break;
      }
      case 'b':  // BUILD: attributes, such as a state dict's _metadata, are passed over
        (void)stack_.pop();
        (void)stack_.top();
        break;
      case 'Q': push_storage(stack_, stack_.get<PickledSequence>(stack_.pop(), "a storage").items); break;  // BINPERSID
      default: return false;
    }
    return true;
  }

  void push_global(const std::string& module, const std::string& name) {
    const KnownGlobal* const global = find_global(module, name);
    if (global == nullptr) refuse(printable(module + "." + name));
    stack_.push_value(global);
  }

  [[noreturn]] void refuse(const std::string& name) {
    // Before PyTorch 1.6 a module was kept with its source: ("module", class, file, text).
    const auto above = stack_.find_top();
    const auto* const before = above ? stack_.pickle().as<std::string>(*above) : nullptr;
    const bool is_class = (before != nullptr && *before == "module") || is_followed_by_new_object();
    throw mistake(in_.where(), ": ", name, ": not part of a state dict",
                  is_class ? "; a whole model, or another object of that class, was pickled; where the file can be "
                             "trusted, in Python: torch.save(model.state_dict(), \"weights.pt\")"
                           : "");
  }
  // NAME () NEWOBJ
  bool is_followed_by_new_object() try {
    std::uint8_t op = next();
    if (op == 'q' || op == 'r' || op == 0x94) {  // its place in the memo
      skip(op == 'q' ? 1 : op == 'r' ? 4 : 0);
      op = next();
    }
    return op == ')' && next() == 0x81;
  } catch (const Error&) {  // the pickle ends
    return false;
  }

  PickleInput& in_;
  PickleStack stack_;
  std::uint64_t operations_ = 0;
};

}  // namespace

Pickle read_pickle(PickleInput& input) { return PickleMachine(input).run(); }

}  // namespace kelvin
