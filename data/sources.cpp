#include "data/sources.h"

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {

bool DataSource::is_archive() const {
  const std::string& file = files.front().name;
  return file.ends_with(".tar.gz") || file.ends_with(".tar") || file.ends_with(".zip");
}

const std::vector<DataSource>& data_sources() {
  static const std::vector<DataSource> all = {
      {"cifar10",
       "CIFAR-10 (Krizhevsky 2009), binary version, 163 MB",
       "https://www.cs.toronto.edu/~kriz/",
       "",
       {{"cifar-10-binary.tar.gz", "md5", "c32a1d4ab5d03f1284b67883e8d87530"}},
       "cifar-10-batches-bin",
       message("data"_field, " cifar10:FOLDER")},
      {"cifar100",
       "CIFAR-100 (Krizhevsky 2009), binary version, 161 MB",
       "https://www.cs.toronto.edu/~kriz/",
       "",
       {{"cifar-100-binary.tar.gz", "md5", "03b5dce01913d631647c71ecec9e9cb8"}},
       "cifar-100-binary",
       message("data"_field, " cifar100:FOLDER")},
      {"cifar10-c",
       "CIFAR-10-C (Hendrycks & Dietterich 2019), 2.9 GB",
       "https://zenodo.org/records/2535967/files/",
       "?download=1",
       {{"CIFAR-10-C.tar", "md5", "56bf5dcef84df0e2308c6dcbcbbd8499"}},
       "CIFAR-10-C",
       message("corrupt ", "from"_field, " FOLDER")},
      {"cifar100-c",
       "CIFAR-100-C (Hendrycks & Dietterich 2019), 2.9 GB",
       "https://zenodo.org/records/3555552/files/",
       "?download=1",
       {{"CIFAR-100-C.tar", "md5", "11f0ed0f1191edbf9fa23466ae6021d3"}},
       "CIFAR-100-C",
       message("corrupt ", "from"_field, " FOLDER")},
      {"cifar10.1",
       "CIFAR-10.1 v6 (Recht et al. 2018), 6 MB",
       "https://raw.githubusercontent.com/modestyachts/CIFAR-10.1/master/datasets/",
       "",
       {{"cifar10.1_v6_data.npy", "", ""}, {"cifar10.1_v6_labels.npy", "", ""}},
       "CIFAR-10.1",
       message("data"_field, " cifar10.1:FOLDER")},
      {"tiny-imagenet",
       "Tiny-ImageNet-200 (Stanford CS231n), 248 MB",
       "http://cs231n.stanford.edu/",
       "",
       {{"tiny-imagenet-200.zip", "", ""}},
       "tiny-imagenet-200",
       message("data"_field, " tiny-imagenet:FOLDER")},
      {"tiny-imagenet-c",
       "Tiny-ImageNet-C (Hendrycks & Dietterich 2019)",
       "https://zenodo.org/records/2536630/files/",
       "?download=1",
       {{"Tiny-ImageNet-C.tar", "", ""}},
       "Tiny-ImageNet-C",
       message("corrupt ", "from"_field, " FOLDER")},
  };
  return all;
}

const DataSource& find_data_source(const std::string& name) {
  for (const DataSource& source : data_sources())
    if (source.name == name) return source;
  if (name == "fashion-mnist")
    throw mistake("fashion-mnist comes with the Debian and Ubuntu package dataset-fashion-mnist: apt-get install it");
  throw mistake("no set ", name, " to fetch; known: ", listed(data_sources(), &DataSource::name));
}

}  // namespace kelvin
