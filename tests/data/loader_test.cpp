#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "data/batch_loader.h"
#include "data/dataset.h"
#include "data/resident_set.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

Dataset small_set() { return load_dataset("synthetic:train=103,test=20,size=6,classes=5", {.seed = 3}); }

TEST(BatchLoader, EveryImageOncePerEpochInAnOrderOfItsOwn) {
  const Dataset data = small_set();
  BatchLoader loader(data.train, {.batch_size = 10, .drop_last = false, .seed = 1});
  ASSERT_EQ(loader.batches_per_epoch(), 11);
  std::vector<std::vector<std::int32_t>> orders(2);
  for (std::vector<std::int32_t>& order : orders) {
    for (std::int64_t i = 0; i < loader.batches_per_epoch(); ++i) {
      const Batch b = loader.next();
      order.insert(order.end(), b.indices.begin(), b.indices.end());
      for (std::size_t k = 0; k < b.indices.size(); ++k)
        EXPECT_EQ(b.labels[k], data.train.labels[static_cast<std::size_t>(b.indices[k])]);
    }
    EXPECT_EQ(std::set<std::int32_t>(order.begin(), order.end()).size(), 103u);
    EXPECT_EQ(order.size(), 103u);
  }
  EXPECT_NE(orders[0], orders[1]);
}

TEST(BatchLoader, SameBatchesForAnyNumberOfWorkersAndFromAnyEpoch) {
  const Dataset data = small_set();
  const LoaderOptions options{.batch_size = 16, .augment = true, .seed = 9};
  LoaderOptions many = options, later = options;
  many.workers = 3;
  later.first_epoch = 1;
  BatchLoader one(data.train, options), three(data.train, many), resumed(data.train, later);
  for (std::int64_t i = 0; i < 2 * one.batches_per_epoch(); ++i) {
    const Batch a = one.next(), b = three.next();
    EXPECT_EQ(a.images, b.images);
    EXPECT_EQ(a.indices, b.indices);
    if (i < one.batches_per_epoch()) continue;
    const Batch c = resumed.next();
    EXPECT_EQ(a.images, c.images);
    EXPECT_EQ(a.epoch, c.epoch);
  }
}

// An image that does not fit into memory: a worker gets the exception, next() throws it.
TEST(BatchLoader, ThrowsWhatAWorkerMet) {
  ImageSet set;
  set.count = 1;
  set.height = set.width = std::int64_t{1} << 22;
  set.channels = 3;
  set.floats = {0};
  set.labels = {0};
  BatchLoader loader(set, {.batch_size = 1, .workers = 3});
  EXPECT_THROW((void)loader.next(), std::bad_alloc);
}

// Only some workers can be started: these end, and nothing waits for ever.
TEST(BatchLoader, EndsWhereAThreadCannotBeHad) {
  const Dataset data = small_set();
  const auto ask_for_many = [&] {
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t limit = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (rlim_t{64} << 20);
    const rlimit both{limit, limit};
    setrlimit(RLIMIT_AS, &both);
    try {
      const BatchLoader loader(data.train, {.workers = 64});
    } catch (const Error& e) {
      std::fprintf(stderr, "%s\n", e.what());
      _exit(static_cast<int>(e.code()));
    }
    _exit(0);
  };
  EXPECT_EXIT(ask_for_many(), ::testing::ExitedWithCode(4), "of 64 threads that prepare batches only [1-9]");
}

// Indices alone, and the images gathered from a set on the device: bit-equal to the loader's own, for bytes and floats.
TEST(BatchLoader, ResidentSetGathersTheSameImages) {
  const Dataset floats = small_set();
  ImageSet bytes = floats.train;
  for (const float v : bytes.floats) bytes.bytes.push_back(static_cast<std::uint8_t>(v * 255));
  bytes.floats.clear();
  for (const ImageSet* set : {&floats.train, static_cast<const ImageSet*>(&bytes)}) {
    const LoaderOptions options{.batch_size = 16, .augment = true, .cutout = true, .seed = 9};
    LoaderOptions without = options;
    without.images = false;
    BatchLoader whole(*set, options), indices(*set, without);
    const std::optional<ResidentSet> resident = make_resident(*set, {});
    ASSERT_TRUE(resident);
    for (std::int64_t i = 0; i < whole.batches_per_epoch() + 2; ++i) {
      const Batch a = whole.next(), b = indices.next();
      EXPECT_TRUE(b.images.empty());
      const Tensor images = Tensor::empty({16, set->height, set->width, set->channels}, DType::f32, {});
      resident->gather(images, Tensor::from_host<std::int32_t>(b.indices, {16}, {}),
                       augment_options(without, *set, b.epoch));
      EXPECT_EQ(images.to_host<float>(), a.images);
      EXPECT_EQ(a.labels, b.labels);
    }
  }
}

TEST(BatchLoader, DropsAnIncompleteBatchUnlessItIsTheOnlyOne) {
  const Dataset data = small_set();
  EXPECT_EQ(BatchLoader(data.train, {.batch_size = 16}).batches_per_epoch(), 6);
  EXPECT_EQ(BatchLoader(data.train, {.batch_size = 1000}).batches_per_epoch(), 1);
}

TEST(Synthetic, IsDeterministicAndInTheBox) {
  const Dataset a = small_set(), b = small_set();
  EXPECT_EQ(a.train.floats, b.train.floats);
  for (const float v : a.train.floats) ASSERT_TRUE(v >= 0 && v <= 1);
  EXPECT_NE(a.train.floats, load_dataset("synthetic:train=103,size=6,classes=5", {.seed = 4}).train.floats);
}

}  // namespace
}  // namespace kelvin
