// The bookkeeping of memory pools, on blocks that only count.
#include "kernels/device/block_pool.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace kelvin {
namespace {

int made = 0;
void* make(std::size_t bytes) {
  ++made;
  return std::malloc(bytes);
}

class BlockPoolTest : public ::testing::Test {
 protected:
  BlockPoolTest() { made = 0; }
  ~BlockPoolTest() override { pool_.release_cache(); }
  BlockPool pool_{{make, std::free}};
};

TEST_F(BlockPoolTest, HandsTheSmallestFreeBlockThatFits) {
  void* const big = pool_.take(1400);
  void* const small = pool_.take(1000);
  pool_.give_back(big, 1400);
  pool_.give_back(small, 1000);
  EXPECT_EQ(pool_.take(1000), small);
  EXPECT_EQ(pool_.take(950), big);  // 1400 <= 1.5 * 950
  EXPECT_EQ(made, 2);
  pool_.give_back(small, 1000);
  pool_.give_back(big, 950);
}

TEST_F(BlockPoolTest, ABlockLentForLessComesBackWhole) {
  void* const block = pool_.take(1024);
  pool_.give_back(block, 1024);
  EXPECT_EQ(pool_.take(704), block);
  EXPECT_EQ(pool_.use().in_use, 1024u);  // what is held, not what was asked for
  pool_.give_back(block, 704);
  EXPECT_EQ(pool_.use().in_use, 0u);
  EXPECT_EQ(pool_.use().cached, 1024u);
  EXPECT_EQ(pool_.take(1024), block);
  pool_.give_back(block, 1024);
}

TEST_F(BlockPoolTest, DoesNotSpendALargeBlockOnASmallRequest) {
  void* const block = pool_.take(4096);
  pool_.give_back(block, 4096);
  void* const other = pool_.take(1024);
  EXPECT_NE(other, block);
  EXPECT_EQ(made, 2);
  pool_.give_back(other, 1024);
}

// A batch that shrinks by one image at a time: the system's allocator is called rarely, not every time.
TEST_F(BlockPoolTest, AShrinkingBatchKeepsItsMemory) {
  for (std::size_t images = 128; images > 0; --images) {
    const std::size_t size = pool_block_size(images * 784 * sizeof(float));
    pool_.give_back(pool_.take(size), size);
  }
  EXPECT_LE(made, 13);  // ln 128 / ln 1.5, and one
}

// Memory that a recorded graph uses must never be freed.
TEST(BlockPoolKeepingAll, ReturnsNothingWhenMemoryIsShort) {
  static int freed;
  freed = 0;
  BlockPool pool({[](std::size_t bytes) { return bytes > 2000 ? nullptr : std::malloc(bytes); },
                  [](void* block) {
                    ++freed;
                    std::free(block);
                  }});
  pool.give_back(pool.take(1024), 1024);
  EXPECT_EQ(pool.take(4096), nullptr);
  EXPECT_EQ(freed, 1);
  pool.give_back(pool.take(1024), 1024);
  pool.keep_all();
  EXPECT_EQ(pool.take(4096), nullptr);
  EXPECT_EQ(freed, 1);
  pool.release_cache();
}

}  // namespace
}  // namespace kelvin
