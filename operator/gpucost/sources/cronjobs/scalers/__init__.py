"""Every tool that scales nodes: a file for each, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gpucost.sources.cronjobs.scalers import (
    aws,
    az,
    doctl,
    eksctl,
    gcloud,
    ibmcloud,
    infrastructure,
    kubectl,
    linode,
    oci,
    rosa,
)
from gpucost.sources.cronjobs.scalers.base import Form

FORMS: Final[tuple[Form, ...]] = (
    *gcloud.FORMS,
    *eksctl.FORMS,
    *aws.FORMS,
    *az.FORMS,
    *kubectl.FORMS,
    *rosa.FORMS,
    *doctl.FORMS,
    *ibmcloud.FORMS,
    *oci.FORMS,
    *linode.FORMS,
    *infrastructure.FORMS,
)
FORMS_BY_PROGRAM: Final[Mapping[str, tuple[Form, ...]]] = MappingProxyType(
    {
        program: tuple(form for form in FORMS if program in form.programs)
        for program in dict.fromkeys(program for form in FORMS for program in form.programs)
    }
)
