# SPDX-License-Identifier: MIT
"""A release's parts list, as SPDX 2.3 in JSON.

    document(version, when, files, tools)   -> data for json.dumps

KeelBIOS has no parts of others in it, so the list says what was made of what,
and by which tools: those that must be the same for the same bytes.
"""

import hashlib
import re

IMAGE = "bios.bin"


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name, version, licence, **more):
    return {"SPDXID": identifier(name), "name": name, "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", **more}


def release_file(path, version):
    data = path.read_bytes()
    purpose = "FIRMWARE" if path.name == IMAGE else \
        "SOURCE" if path.name.endswith(".tar.gz") else "INSTALL"
    return package(
        path.name, version, "MIT", packageFileName=path.name,
        primaryPackagePurpose=purpose,
        checksums=[{"algorithm": "SHA256",
                    "checksumValue": hashlib.sha256(data).hexdigest()}])


def relation(one, kind, other):
    return {"spdxElementId": identifier(one), "relationshipType": kind,
            "relatedSpdxElement": identifier(other)}


def document(version, when, files, tools):
    """files: paths, the image and the tarball among them; tools: name to
    version; when: of the commit, as 2026-11-30T00:00:00Z."""
    image = next(path for path in files if path.name == IMAGE)
    source = next(path.name for path in files
                  if path.name.endswith(".tar.gz"))
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    relations = [relation("DOCUMENT", "DESCRIBES", path.name)
                 for path in files]
    relations += [relation(path.name, "GENERATED_FROM", source)
                  for path in files if path.name != source]
    relations += [relation(tool, "BUILD_TOOL_OF", IMAGE) for tool in tools]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT", "name": f"KeelBIOS {version}",
        "documentNamespace": f"urn:keelbios:{version}:{digest}",
        "creationInfo": {"created": when,
                         "creators": ["Tool: KeelBIOS-make-release"]},
        "packages": [release_file(path, version) for path in files] +
                    [package(tool, tools[tool], "NOASSERTION",
                             primaryPackagePurpose="APPLICATION")
                     for tool in tools],
        "relationships": relations,
    }
