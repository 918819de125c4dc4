//! JSON keeps the serializer contract.

apsched_testkit::serializer_conformance!(apsched_core::serializer::Json);
