"""Values between steps in a bucket that speaks S3, and S3 as a resource. Needs ``opweave[aws]``, in the image of the steps.

boto3 is imported when a client is made, not when a location loads.
"""

from opweave_aws.s3.io_manager import (
    ConfigurablePickledObjectS3IOManager as ConfigurablePickledObjectS3IOManager,
)
from opweave_aws.s3.io_manager import PickledObjectS3IOManager as PickledObjectS3IOManager
from opweave_aws.s3.io_manager import S3IOManager as S3IOManager
from opweave_aws.s3.io_manager import S3PickleIOManager as S3PickleIOManager
from opweave_aws.s3.io_manager import s3_pickle_io_manager as s3_pickle_io_manager
from opweave_aws.s3.resource import S3Resource as S3Resource
from opweave_aws.s3.resource import s3_resource as s3_resource

__all__ = [
    "ConfigurablePickledObjectS3IOManager",
    "PickledObjectS3IOManager",
    "S3IOManager",
    "S3PickleIOManager",
    "S3Resource",
    "s3_pickle_io_manager",
    "s3_resource",
]
