#include "engine/ops/attention.h"
#include "engine/ops/tokens.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

// Scores of a few units make a softmax that is neither flat nor a hard choice.
OpCase attention_case(std::int64_t batch, std::int64_t tokens, std::int64_t heads, std::int64_t width) {
  return {.name = str("attention/", batch, "x", tokens, "x", heads, "x", width),
          .inputs = {{.shape = {batch, tokens, 3, heads, width}, .low = -2, .high = 2}},
          .op = [](const std::vector<Tensor>& in) { return attention(in[0]); },
          .any_thread_count = true};
}

OpCase embed_case(std::int64_t batch, std::int64_t patches, std::int64_t width) {
  return {.name = str("embed_tokens/", batch, "x", patches, "x", width),
          .inputs = {{{batch, patches, width}},
                     {.shape = {width}, .keeps_float32 = true},
                     {.shape = {1, 1, width}, .keeps_float32 = true},
                     {.shape = {1, patches + 1, width}, .keeps_float32 = true}},
          .op = [](const std::vector<Tensor>& in) { return embed_tokens(in[0], in[1], in[2], in[3]); }};
}

OpCase class_token_case(std::int64_t batch, std::int64_t tokens, std::int64_t width) {
  return {.name = str("class_token_of/", batch, "x", tokens, "x", width),
          .inputs = {{{batch, tokens, width}}},
          .op = [](const std::vector<Tensor>& in) { return class_token_of(in[0]); }};
}

}  // namespace

std::vector<OpCase> transformer_cases() {
  return {attention_case(1, 1, 1, 8),   attention_case(2, 5, 3, 16),   attention_case(1, 33, 2, 64),
          attention_case(2, 70, 1, 31), attention_case(1, 17, 1, 128), embed_case(1, 1, 1),
          embed_case(3, 4, 33),         embed_case(2, 9, 64),          class_token_case(1, 1, 1),
          class_token_case(3, 5, 33)};
}

}  // namespace kelvin::testing
