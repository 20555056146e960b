// kelvin learn
#include "apps/cli/commands.h"
#include "apps/cli/subcommand.h"
#include "apps/course/course.h"

namespace kelvin {

void add_learn(CLI::App& app, CommonOptions& common) {
  auto out = std::make_shared<std::string>("kelvin-course.html");
  CLI::App* const c =
      add_command(app, common, "learn", "A course about the temperature, as one HTML file that opens offline",
                  "  kelvin learn\n  kelvin learn --out course.html", [out, &common] {
                    require_writable("--out", *out);
                    write_course(*out);
                    print_result(common, "Course: " + *out + " (open it in a browser)\n", {{"course", *out}});
                  });
  add_fields(*c, basic(Fields{field("out", *out, "The file to write")}));
}

}  // namespace kelvin
