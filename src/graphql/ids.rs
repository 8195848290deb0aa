//! IDs as clients see them: TypeID (<https://github.com/jetify-com/typeid>), the type's name and a
//! UUIDv7 in base32, such as `user_01kaj5m3tqe8ptnyqvh4vxc1ab`.

use async_graphql::ID;
use entity::id::Id;
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

/// The ID of a row, as clients see it.
pub fn encode<I: Id>(id: I) -> ID {
    // Every prefix is a lower-case word; a test makes sure of that.
    encode_as(I::PREFIX, id.into()).unwrap_or_default()
}

/// The identifier of a row whose type is known by its prefix only; nothing where that cannot be one.
pub fn encode_as(prefix: &str, uuid: Uuid) -> Option<ID> {
    let prefix = DynamicType::new(prefix)
        .ok()
        .filter(|_| !prefix.is_empty())?;
    Some(ID(TypeSafeId::from_type_and_uuid(prefix, uuid).to_string()))
}

/// The ID that a client sent; `None` if it is another type's, or not an ID at all.
pub fn decode<I: Id>(id: &ID) -> Option<I> {
    let parsed: TypeSafeId<DynamicType> = id.parse().ok()?;
    (parsed.type_prefix() == I::PREFIX).then(|| I::from(parsed.uuid()))
}

/// The key in an identifier of whatever type; nothing where it is none at all.
pub fn decode_any(id: &ID) -> Option<Uuid> {
    let parsed: TypeSafeId<DynamicType> = id.parse().ok()?;
    Some(parsed.uuid())
}

#[cfg(test)]
mod tests {
    use entity::{EmailId, InvitationId, RoleId, SessionId, UserId};

    use super::*;

    const UUID: Uuid = Uuid::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881);

    fn round_trip<I: Id + std::fmt::Debug>(expected: &str) {
        let id = encode(I::from(UUID));
        assert_eq!(id.as_str(), expected);
        assert_eq!(decode::<I>(&id), Some(I::from(UUID)));
    }

    #[test]
    fn identifiers_follow_the_typeid_specification() {
        round_trip::<UserId>("user_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<RoleId>("role_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<InvitationId>("invitation_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<SessionId>("session_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<EmailId>("email_01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn what_is_no_identifier_of_the_type_is_nothing() {
        for text in [
            "",
            "user_",
            "01h2xcejqtf2nbrexx3vqjhp41",
            "role_01h2xcejqtf2nbrexx3vqjhp41",
            "user_01H2XCEJQTF2NBREXX3VQJHP41",
            "user_01h2xcejqtf2nbrexx3vqjhp4",
            "user_81h2xcejqtf2nbrexx3vqjhp41",
            "user_01h2xcejqtf2nbrexx3vqjhp41 ",
        ] {
            assert_eq!(decode::<UserId>(&ID(text.to_owned())), None, "{text:?}");
        }
    }
}
