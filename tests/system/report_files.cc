// Writes results that were made by hand as --report and --junit do: report_files RESULTS.json
// REPORT.html JUNIT.xml
#include <cstdio>
#include <fstream>
#include <iterator>

#include "replay/report/html_report.h"
#include "replay/report/junit.h"
#include "replay/report/suite_result.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::ifstream in(argv[1]);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto results = vgpu::SuiteResultOf(text, argv[1]);
  if (!results) {
    std::fprintf(stderr, "%s\n", results.error().message.c_str());
    return 1;
  }
  std::ofstream report(argv[2]), junit(argv[3]);
  report << vgpu::HtmlReport(*results);
  junit << vgpu::ToJunit(*results, ".");
  report.close();
  junit.close();
  return report && junit ? 0 : 1;
}
