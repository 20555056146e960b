// The message about a library that cannot be loaded: every name that was tried, and the errors of those that exist.
#include "kernels/device/dynamic_library.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support.h"

namespace kelvin {
namespace {

TEST(DynamicLibrary, NamesWhatWasTriedAndWhy) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "libkelvin_absent.so.2") << "not a library";
  const std::string place = folder.path().string(), damaged = place + "/libkelvin_absent.so.2";
  EXPECT_EQ(testing::mistake_of([&] {
              const DynamicLibrary library("Absent 3", {"libkelvin_absent.so.3", "libkelvin_absent.so.2"}, {place});
            }),
            "Absent 3 cannot be loaded (" + damaged +
                ": file too short; no libkelvin_absent.so.3, libkelvin_absent.so.2, " + place +
                "/libkelvin_absent.so.3): install it or add its folder to LD_LIBRARY_PATH");
}

TEST(DynamicLibrary, FindsFunctionsAndKnowsItsFolder) {
  const DynamicLibrary mathematics("mathematics", {"libm.so.6"});
  double (*const cube_root)(double) = mathematics["cbrt"];
  EXPECT_NEAR(cube_root(27), 3, 1e-12);
  EXPECT_TRUE(std::filesystem::exists(mathematics.folder() + "/libm.so.6")) << mathematics.folder();
  EXPECT_EQ(testing::mistake_of([&] { (void)mathematics["no_such_function"]; }),
            "mathematics in " + mathematics.folder() +
                " has no function no_such_function: it is older than this program needs");
  // By its folder, where the loader does not know it by name.
  const testing::TemporaryFolder elsewhere;
  std::filesystem::create_symlink(mathematics.folder() + "/libm.so.6", elsewhere / "libkelvin_linked.so");
  EXPECT_NO_THROW(DynamicLibrary("linked", {"libkelvin_linked.so"}, {elsewhere.path().string()}));
}

}  // namespace
}  // namespace kelvin
