"""opweave on AWS: `opweave_aws.s3`. Needs ``opweave[aws]``."""
